//! Four times what can be taken does not grow: whoever comes too many is told to come back, and all is landed in the end.

use tonic::Code;

use super::*;

const SENDERS: usize = 16;
const BATCHES: u64 = 12;
const QUEUE: usize = 256 * 1024;

/// About 32 KiB.
fn bulky(sequence: u64) -> RecordBatch {
    let ids = Int64Array::from_value(sequence as i64, 32);
    let texts = StringArray::from_iter_values((0..32).map(|row| format!("{row}{}", "x".repeat(1000))));
    RecordBatch::try_from_iter([("id", Arc::new(ids) as _), ("text", Arc::new(texts) as _)]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_beyond_the_limit_are_told_to_come_back() {
    let options = Options {
        queue_bytes: QUEUE,
        patience: Duration::from_millis(1),
        retry_after: Duration::from_millis(1),
        flush_after: Duration::from_millis(20),
        ..Options::default()
    };
    let served = serve(options, Limits { calls: SENDERS / 2, ..Limits::default() }).await;
    let (desk, grpc) = (Arc::clone(&served.desk), served.grpc);
    let senders = (0..SENDERS).map(|sender| {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let mut client = connect(grpc).await.unwrap();
            let (mut next, mut refused) = (1, 0);
            while next <= BATCHES {
                let sent = messages((next..=BATCHES).map(bulky).collect(), "events").await;
                let (last, ended) = put(&mut client, call(sent, &format!("p{sender}"), next)).await;
                assert!(desk.landing.metrics().waiting_bytes <= QUEUE as u64);
                next = last.map_or(next, |last| last + 1);
                if let Err(status) = ended {
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                    refused += 1;
                }
            }
            refused
        })
    });
    let refused = futures::future::try_join_all(senders).await.unwrap();
    assert!(refused.iter().sum::<i32>() > 0, "nobody was refused");
    assert_eq!(served.landed().await.len(), SENDERS * BATCHES as usize * 32);
}
