//! Whatever the store does to writes, however arrivals are grouped, and whenever a process is replaced by another: what was
//! acknowledged is landed, and everything once.

use std::sync::Arc;

use proptest::prelude::*;

use super::faulty::{Fate, Faulty};
use super::*;

#[derive(Clone, Debug)]
enum Act {
    /// Sends so many arrivals together, from what is landed on.
    Send(u64),
    /// Sends so many that were sent before, and one more.
    SendAgain(u64),
    /// Another process takes over, while this one may still be writing.
    TakeOver,
    /// The process dies.
    Die,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..6_u64).prop_map(Act::Send),
        2 => (1..6_u64).prop_map(Act::SendAgain),
        1 => Just(Act::TakeOver),
        1 => Just(Act::Die),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Done),
        1 => Just(Fate::Denied),
        1 => Just(Fate::DoneAndDenied),
        1 => Just(Fate::Late),
    ]
}

async fn play(acts: Vec<Act>, fates: Vec<Fate>) {
    let store = Store::new(Faulty::with_fates(fates) as Arc<dyn object_store::ObjectStore>);
    let mut landing = open(&store, quick());
    let mut before = Vec::new();
    let mut acknowledged = 0;
    for act in acts {
        let position = landing.position(&producer("p")).await.unwrap();
        assert!(position >= acknowledged, "{acknowledged} was acknowledged, and {position} is landed");
        let (from, to) = match act {
            Act::Send(count) => (position + 1, position + count),
            Act::SendAgain(count) => (position.saturating_sub(count) + 1, position + 1),
            Act::TakeOver => {
                // Its last words may still come.
                drop(landing.offer(arrival("p", position + 1)).await);
                before.push(std::mem::replace(&mut landing, open(&store, quick())));
                continue;
            }
            Act::Die => {
                drop(landing.offer(arrival("p", position + 1)).await);
                landing = open(&store, quick());
                continue;
            }
        };
        let answers = (from..=to).map(|sequence| landing.put(arrival("p", sequence)));
        for answer in futures::future::join_all(answers).await.into_iter().flatten() {
            acknowledged = acknowledged.max(answer.sequence);
        }
    }
    for old in &before {
        old.close().await;
    }
    let last = landing.position(&producer("p")).await.unwrap();
    assert!(last >= acknowledged);
    assert_once(&store, "p", last).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn acknowledged_is_landed_once(
        acts in prop::collection::vec(act(), 1..20),
        fates in prop::collection::vec(fate(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(acts, fates));
    }
}
