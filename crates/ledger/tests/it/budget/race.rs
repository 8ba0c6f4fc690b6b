//! Several budgets over one store: together they decide as one would that reads everything.

use std::collections::{BTreeMap, BTreeSet};

use futures::executor::block_on;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use tidegate_ledger::{Error, Spend};

use super::{block, cap, charge, memory, open, rho};

const DAYS: i32 = 4;

/// Who charges what: the number of a release, its days and its cost. Numbers come again, with the same and with others.
type Step = (prop::sample::Index, u8, BTreeSet<i32>, u64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Rather often the same two costs, so that equal ids sometimes are equal charges.
    let cost = prop_oneof![Just(20_u64), Just(33), 0_u64..120];
    vec((any::<prop::sample::Index>(), 0_u8..12, btree_set(0..DAYS, 0..3), cost), 1..40)
}

/// What a charge came to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Paid,
    Over,
    Other,
}

/// The whole budget as anybody would write it down.
#[derive(Default)]
struct Book {
    charges: BTreeMap<u8, (BTreeSet<i32>, u64)>,
}

impl Book {
    fn spent(&self, day: i32) -> u64 {
        self.charges.values().filter(|(days, _)| days.contains(&day)).map(|(_, cost)| cost).sum()
    }

    fn charge(&mut self, number: u8, days: &BTreeSet<i32>, cost: u64) -> Answer {
        match self.charges.get(&number) {
            Some((standing, spend)) if standing == days && *spend == cost => Answer::Paid,
            Some(_) => Answer::Other,
            None if days.iter().any(|day| self.spent(*day) + cost > 100) => Answer::Over,
            None => {
                self.charges.insert(number, (days.clone(), cost));
                Answer::Paid
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Each budget knows only what it read when it last had to, and is behind in ways that the steps make up.
    #[test]
    fn budgets_that_are_behind_answer_as_one_that_is_not(steps in steps(), writers in 1_usize..4) {
        block_on(async {
            let store = memory();
            let mut budgets = Vec::new();
            for _ in 0..writers {
                budgets.push(open(&store).await);
            }
            let mut book = Book::default();
            for (who, number, days, cost) in steps {
                let who = who.index(writers);
                let charged = budgets[who].charge(charge(&number.to_string(), days.clone(), rho(cost)), &cap).await;
                let answer = match charged {
                    Ok(_) => Answer::Paid,
                    Err(Error::OverBudget { lacking, .. }) => {
                        let expected = days.iter().filter(|day| book.spent(**day) + cost > 100);
                        let expected = expected.map(|day| (block(*day), rho(100 - book.spent(*day))));
                        prop_assert_eq!(lacking, expected.collect::<BTreeMap<_, Spend>>());
                        Answer::Over
                    }
                    Err(Error::OtherCharge { .. }) => Answer::Other,
                    Err(e) => return Err(TestCaseError::fail(e.to_string())),
                };
                prop_assert_eq!(answer, book.charge(number, &days, cost));
            }
            let budget = open(&store).await;
            prop_assert_eq!(budget.charges().len(), book.charges.len());
            for day in 0..DAYS {
                prop_assert_eq!(budget.spent(&block(day)), rho(book.spent(day)));
                prop_assert!(book.spent(day) <= 100);
            }
            Ok(())
        })?;
    }
}

/// Threads in earnest: what they want is more than there is, and they take all of it and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_budgets_spend_all_and_no_more() {
    let (_folder, stores) = crate::stores();
    for store in stores {
        let writers = (0..4).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut budget = open(&store).await;
                let mut paid = 0;
                for number in 0..8 {
                    match budget.charge(charge(&format!("{writer}-{number}"), [1, 2], rho(7)), &cap).await {
                        Ok(_) => paid += 1,
                        Err(Error::OverBudget { .. }) => {}
                        Err(e) => panic!("{e}"),
                    }
                }
                paid
            })
        });
        let mut paid = 0;
        for writer in writers.collect::<Vec<_>>() {
            paid += writer.await.unwrap();
        }
        let budget = open(&store).await;
        assert_eq!((paid, budget.charges().len()), (100 / 7, 100 / 7));
        assert_eq!(super::spent(&budget, 1..=2), [98, 98]);
    }
}
