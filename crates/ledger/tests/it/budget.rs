//! A budget charges all blocks or none, each release once, and never more than the cap.

mod crash;
mod faults;
mod race;

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::memory::InMemory;
use tidegate_ledger::{Block, BlockReport, Budget, Charge, Error, Fault, Paid, Result, Spend, Store, file_name};

use crate::stores;

fn block(day: i32) -> Block {
    Block { stream: "chats".into(), unit: "user_id".into(), day: Some(day) }
}

const fn rho(rho_nano: u64) -> Spend {
    Spend { rho_nano, delta_atto: 0 }
}

fn charge(id: &str, days: impl IntoIterator<Item = i32>, spend: Spend) -> Charge {
    Charge {
        id: id.into(),
        purpose: "signal".into(),
        clause: "clause".into(),
        blocks: days.into_iter().map(block).collect(),
        spend,
        charged_at_us: 0,
        run_id: "me".into(),
    }
}

/// Every block has 100.
fn cap(_: &Block) -> Spend {
    rho(100)
}

fn memory() -> Store {
    Store::new(Arc::new(InMemory::new()))
}

async fn open(store: &Store) -> Budget {
    Budget::open(store.clone()).await.unwrap()
}

fn ids(budget: &Budget) -> Vec<&str> {
    budget.charges().iter().map(|record| record.body.id.as_str()).collect()
}

fn spent(budget: &Budget, days: impl IntoIterator<Item = i32>) -> Vec<u64> {
    days.into_iter().map(|day| budget.spent(&block(day)).rho_nano).collect()
}

/// What the blocks that lack have left.
fn lacking(charged: Result<Paid>) -> BTreeMap<Block, Spend> {
    match charged {
        Err(Error::OverBudget { lacking, .. }) => lacking,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_charge_stands_when_it_is_opened_again() {
    let (_folder, stores) = stores();
    for store in stores {
        let mut budget = open(&store).await;
        assert!(budget.charges().is_empty() && !budget.has("a"));
        let paid = budget.charge(charge("a", [1, 2], rho(30)), &cap).await.unwrap();
        assert_eq!((paid.id(), paid.spend()), ("a", rho(30)));
        let _ = budget.charge(charge("b", [2], Spend { rho_nano: 5, delta_atto: 0 }), &cap).await.unwrap();

        for budget in [&budget, &open(&store).await] {
            assert!(budget.has("a") && budget.has("b") && !budget.has("c"));
            assert_eq!(spent(budget, 0..4), [0, 30, 35, 0]);
            assert_eq!(ids(budget), ["a", "b"]);
            assert_eq!(budget.charges()[0].body, charge("a", [1, 2], rho(30)));
        }
        assert_eq!(store.list("log").await.unwrap()[1], "log/budget/00000000000000000001.json");
    }
}

#[tokio::test]
async fn all_blocks_pay_or_none() {
    let store = memory();
    let mut budget = open(&store).await;
    let _ = budget.charge(charge("a", [2], rho(60)), &cap).await.unwrap();
    let _ = budget.charge(charge("b", [4], rho(70)), &cap).await.unwrap();
    let refused = budget.charge(charge("c", 1..=5, rho(50)), &cap).await;
    assert_eq!(
        refused.as_ref().unwrap_err().to_string(),
        "charge `c` costs rho 0.00000005 and delta 0, but `chats` by `user_id` on day 2 has rho 0.00000004 and delta 0 \
         left, and 1 more cannot pay; spend less, or leave this data out: a budget is never refilled"
    );
    assert_eq!(lacking(refused), [(block(2), rho(40)), (block(4), rho(30))].into());
    for budget in [&budget, &open(&store).await] {
        assert_eq!((spent(budget, 1..=5), budget.has("c")), (vec![0, 60, 0, 70, 0], false));
    }
    // The refusal binds nobody: what fits is charged under the same id.
    let _ = budget.charge(charge("c", [1, 3, 5], rho(50)), &cap).await.unwrap();
    assert_eq!(spent(&open(&store).await, 1..=5), [50, 60, 50, 70, 50]);
}

#[tokio::test]
async fn a_cap_is_reached_exactly_and_not_by_one_nano_more() {
    let mut budget = open(&memory()).await;
    let _ = budget.charge(charge("a", [1], rho(99)), &cap).await.unwrap();
    assert_eq!(lacking(budget.charge(charge("b", [1], rho(2)), &cap).await), [(block(1), rho(1))].into());
    let _ = budget.charge(charge("b", [1], rho(1)), &cap).await.unwrap();
    assert_eq!(lacking(budget.charge(charge("c", [1], rho(1)), &cap).await), [(block(1), rho(0))].into());

    // Delta has a cap of its own.
    let both = |_: &Block| Spend { rho_nano: 1000, delta_atto: 7 };
    let delta = |delta_atto| Spend { rho_nano: 0, delta_atto };
    let _ = budget.charge(charge("c", [1], delta(7)), &both).await.unwrap();
    let left = Spend { rho_nano: 900, delta_atto: 0 };
    assert_eq!(lacking(budget.charge(charge("d", [1], delta(1)), &both).await), [(block(1), left)].into());
}

#[tokio::test]
async fn each_block_has_its_own_cap() {
    let mut budget = open(&memory()).await;
    let by_day = |block: &Block| rho(block.day.unwrap_or_default() as u64 * 10);
    assert_eq!(lacking(budget.charge(charge("a", 1..=3, rho(15)), &by_day).await), [(block(1), rho(10))].into());
    let _ = budget.charge(charge("a", 2..=3, rho(15)), &by_day).await.unwrap();

    // Neither another stream, nor another unit of it, nor what has no day is the same block.
    let others = [
        Block { stream: "calls".into(), ..block(2) },
        Block { unit: "device_id".into(), ..block(2) },
        Block { day: None, ..block(2) },
    ];
    for other in others {
        assert_eq!(budget.spent(&other), Spend::default());
    }
}

#[tokio::test]
async fn amounts_too_large_to_count_are_refused_and_not_wrapped() {
    let mut budget = open(&memory()).await;
    let no_cap = |_: &Block| Spend { rho_nano: u64::MAX, delta_atto: u64::MAX };
    let _ = budget.charge(charge("a", [1], rho(u64::MAX - 1)), &no_cap).await.unwrap();
    for nano in [1, 2, u64::MAX] {
        assert!(lacking(budget.charge(charge("b", [1], rho(nano)), &no_cap).await).contains_key(&block(1)));
    }
    assert_eq!(spent(&budget, [1]), [u64::MAX - 1]);
}

#[tokio::test]
async fn the_same_release_is_charged_once() {
    let store = memory();
    let (mut one, mut two) = (open(&store).await, open(&store).await);
    let again = Charge { charged_at_us: 7, run_id: "you".into(), ..charge("a", [1, 2], rho(60)) };
    let _ = one.charge(charge("a", [1, 2], rho(60)), &cap).await.unwrap();
    // It has not read the first one's, and would have the money.
    let paid = two.charge(again.clone(), &cap).await.unwrap();
    assert_eq!((paid.id(), paid.spend()), ("a", rho(60)));
    // It has, and has not the money.
    let _ = one.charge(again.clone(), &cap).await.unwrap();
    let _ = one.charge(again, &|_| rho(0)).await.unwrap();
    for budget in [&one, &two, &open(&store).await] {
        assert_eq!((ids(budget), spent(budget, 1..=2)), (vec!["a"], vec![60, 60]));
    }
}

#[tokio::test]
async fn what_was_charged_elsewhere_stands_even_where_it_would_not_fit() {
    let store = memory();
    let (mut one, mut two) = (open(&store).await, open(&store).await);
    let _ = one.charge(charge("a", [1], rho(60)), &cap).await.unwrap();
    // Before it refuses, it reads what others wrote.
    let _ = two.charge(charge("a", [1], rho(60)), &|_| rho(50)).await.unwrap();
    assert_eq!(spent(&two, [1]), [60]);
    // A cap that was lowered leaves nothing, and takes nothing back.
    assert_eq!(lacking(two.charge(charge("b", [1], rho(1)), &|_| rho(50)).await), [(block(1), rho(0))].into());
}

#[tokio::test]
async fn another_charge_under_the_same_id_is_refused() {
    let store = memory();
    let (mut one, mut two) = (open(&store).await, open(&store).await);
    let _ = one.charge(charge("a", [1, 2], rho(5)), &cap).await.unwrap();
    let others = [
        charge("a", [1], rho(5)),
        charge("a", [1, 2, 3], rho(5)),
        charge("a", [1, 2], rho(4)),
        charge("a", [1, 2], rho(6)),
        charge("a", [1, 2], Spend { rho_nano: 5, delta_atto: 1 }),
        // Too dear as well; but that is not what is wrong with it.
        charge("a", [1, 2], rho(500)),
    ];
    for other in others {
        for budget in [&mut two, &mut one] {
            let error = budget.charge(other.clone(), &cap).await.unwrap_err();
            assert!(matches!(&error, Error::OtherCharge { id } if id == "a"), "{error}");
        }
    }
    for budget in [&one, &two, &open(&store).await] {
        assert_eq!((ids(budget), spent(budget, 1..=3)), (vec!["a"], vec![5, 5, 0]));
    }
}

#[tokio::test]
async fn a_report_says_who_spent_what() {
    let mut budget = open(&memory()).await;
    let query = Charge { purpose: "query".into(), clause: "other".into(), ..charge("b", [2, 3], rho(7)) };
    let _ = budget.charge(charge("a", [1, 2], rho(5)), &cap).await.unwrap();
    let _ = budget.charge(query, &cap).await.unwrap();
    let _ = budget.charge(charge("c", [2], rho(1)), &cap).await.unwrap();

    let signal = |nano| ("signal".to_string(), "clause".to_string(), rho(nano));
    let query = ("query".to_string(), "other".to_string(), rho(7));
    let report = |day, nano, charges| BlockReport { block: block(day), spent: rho(nano), charges };
    let two = report(2, 13, vec![signal(5), query.clone(), signal(1)]);
    assert_eq!(budget.report(|_| true), [report(1, 5, vec![signal(5)]), two.clone(), report(3, 7, vec![query])]);
    assert_eq!(budget.report(|block| block.day == Some(2)), [two]);
    assert_eq!(budget.report(|_| false), []);
}

#[tokio::test]
async fn a_log_that_was_cut_or_changed_is_refused() {
    let store = memory();
    let mut budget = open(&store).await;
    let mut late = open(&store).await;
    for (id, nano) in [("a", 10), ("b", 20), ("c", 30)] {
        let _ = budget.charge(charge(id, [1], rho(nano)), &cap).await.unwrap();
    }
    let file = |seq| format!("log/budget/{}", file_name(seq));
    let fault = async |store: &Store| match Budget::open(store.clone()).await {
        Err(Error::Damaged { file, fault }) => (file, fault),
        other => panic!("{other:?}"),
    };
    for seq in 0..3 {
        let whole = store.get(&file(seq)).await.unwrap().unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1;
            store.replace(&file(seq), bytes.into()).await.unwrap();
            assert_eq!(fault(&store).await.0, file(seq), "record {seq}, byte {at}");
        }
        store.replace(&file(seq), whole).await.unwrap();
    }
    for seq in 0..2 {
        let whole = store.get(&file(seq)).await.unwrap().unwrap();
        store.delete(&file(seq)).await.unwrap();
        assert_eq!(fault(&store).await, (file(seq), Fault::Missing));
        store.replace(&file(seq), whole).await.unwrap();
    }

    // Nor does a budget that is open believe a record that does not follow its own, and it takes in nothing of it.
    let whole = store.get(&file(1)).await.unwrap().unwrap();
    let third = store.get(&file(2)).await.unwrap().unwrap();
    store.replace(&file(1), third).await.unwrap();
    let error = late.charge(charge("d", [1], rho(1)), &cap).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { file: damaged, .. } if *damaged == file(1)), "{error}");
    assert!(late.charges().is_empty());
    store.replace(&file(1), whole).await.unwrap();
    let _ = late.charge(charge("d", [1], rho(1)), &cap).await.unwrap();
    assert_eq!(spent(&late, [1]), [61]);
}
