//! What is in flight stays within its bound, and whoever comes then waits or is told so.

use std::sync::Arc;

use arrow::array::StringArray;
use arrow::record_batch::RecordBatch;
use object_store::memory::InMemory;
use tidegate_land::Error;

use super::*;

const KIB: usize = 1024;

fn text() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]))
}

/// About 64 KiB.
fn bulky(name: &str, sequence: u64) -> Arrival {
    let text_array = StringArray::from_iter_values((0..64).map(|row| format!("{sequence}-{row}-{}", "x".repeat(1000))));
    let batch = RecordBatch::try_new(text(), vec![Arc::new(text_array)]).unwrap();
    Arrival { producer: producer(name), sequence, batch }
}

fn opened(options: Options) -> Landing {
    Landing::open(Store::new(Arc::new(InMemory::new())), "texts", text(), options).unwrap()
}

fn tight() -> Options {
    Options { queue_bytes: 256 * KIB, flush_after: Duration::from_secs(10), ..Options::default() }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_now_is_refused_with_a_time_to_come_back() {
    let landing = opened(Options { retry_after: Duration::from_millis(250), ..tight() });
    let mut taken = Vec::new();
    let refused = loop {
        // Nothing runs between two calls, so nothing is encoded or landed meanwhile.
        match landing.try_put(bulky("p", taken.len() as u64 + 1)) {
            Ok(pending) => taken.push(pending),
            Err(error) => break error,
        }
        assert!(landing.metrics().waiting_bytes <= 256 * KIB as u64);
    };
    assert!(matches!(refused, Error::Busy { retry_after } if retry_after == Duration::from_millis(250)));
    let count = taken.len() as u64;
    assert!((3..=4).contains(&count), "{count}");
    assert_eq!((landing.metrics().busy, landing.metrics().waiting), (1, count));
    for pending in taken {
        pending.await.unwrap();
    }
    assert_eq!(landing.metrics().waiting_bytes, 0);
    landing.try_put(bulky("p", count + 1)).unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn files_are_finished_early_when_somebody_waits_for_room() {
    let landing = opened(Options { flush_after: Duration::MAX, patience: Duration::from_secs(60), ..tight() });
    let mut highest = 0;
    for sequence in 1..=200 {
        // Each lane alone would wait for ever for its file to fill.
        for name in ["p", "q", "r", "s"] {
            drop(landing.offer(bulky(name, sequence)).await.unwrap());
            highest = highest.max(landing.metrics().waiting_bytes);
        }
    }
    landing.flush().await;
    assert!(highest <= 256 * KIB as u64, "{highest}");
    assert_eq!(landing.metrics().arrivals, 800);
    assert_eq!(landing.metrics().waiting_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn what_could_never_wait_is_refused_for_good() {
    let landing = opened(Options { queue_bytes: 16 * KIB, ..tight() });
    let error = landing.put(bulky("p", 1)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit, .. } if limit == 16 * KIB), "{error}");
    assert!(!error.may_pass());
}
