//! Through the door: real sockets, and clients as others have them.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod desk;
mod flight;
mod guard;
mod hostile;
mod killed;
mod otlp;
mod overload;
mod python;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightData, FlightDescriptor};
use desk::Desk;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tidegate_land::Options;
use tidegate_ledger::Store;
use tidegate_receive::{Limits, Listen, Receiver};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// A server of this test.
struct Served {
    desk: Arc<Desk>,
    grpc: SocketAddr,
    http: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<tidegate_receive::Result<()>>,
    folder: TempDir,
}

fn quick() -> Options {
    Options { flush_after: Duration::from_millis(5), ..Options::default() }
}

async fn serve(options: Options, limits: Limits) -> Served {
    serve_on(Listen::locally(0), options, limits).await
}

async fn serve_on(listen: Listen, options: Options, limits: Limits) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let desk = Arc::new(Desk::open(Store::open_local(&folder).unwrap(), options).unwrap());
    let receiver = Receiver::bind(Some(listen.clone()), Some(listen), limits).await.unwrap();
    let (grpc, http) = (receiver.grpc_address().unwrap(), receiver.http_address().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(receiver.serve(Arc::clone(&desk), async { drop(stopped.await) }));
    Served { desk, grpc, http, stop, serving, folder }
}

impl Served {
    async fn flight(&self) -> FlightServiceClient<Channel> {
        connect(self.grpc).await.unwrap()
    }

    async fn landed(&self) -> Vec<i64> {
        landed(&Store::open_local(&self.folder).unwrap()).await
    }
}

async fn connect(to: SocketAddr) -> Result<FlightServiceClient<Channel>, tonic::transport::Error> {
    let endpoint = Channel::from_shared(format!("http://{to}")).unwrap();
    Ok(FlightServiceClient::new(endpoint.connect().await?))
}

/// The ids that are landed, sorted.
async fn landed(store: &Store) -> Vec<i64> {
    let mut ids = Vec::new();
    for path in store.list("landing").await.unwrap() {
        let bytes = store.get(&path).await.unwrap().unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
            ids.extend_from_slice(batch.unwrap().column(0).as_primitive::<Int64Type>().values());
        }
    }
    ids.sort_unstable();
    ids
}

/// Ten rows that stand for a number.
fn batch(sequence: u64) -> RecordBatch {
    let ids = Int64Array::from_iter_values((0..10).map(|row| sequence as i64 * 10 + row));
    let texts = StringArray::from_iter_values((0..10).map(|row| format!("text {row}")));
    RecordBatch::try_from_iter([("id", Arc::new(ids) as _), ("text", Arc::new(texts) as _)]).unwrap()
}

/// The ids of the batches of these numbers.
fn ids(sequences: std::ops::RangeInclusive<u64>) -> Vec<i64> {
    (*sequences.start() as i64 * 10..(*sequences.end() as i64 + 1) * 10).collect()
}

async fn messages(batches: Vec<RecordBatch>, stream: &str) -> Vec<FlightData> {
    let descriptor = FlightDescriptor::new_path(vec![stream.to_owned()]);
    let batches = futures::stream::iter(batches.into_iter().map(Ok));
    let encoder = FlightDataEncoderBuilder::new().with_flight_descriptor(Some(descriptor)).build(batches);
    encoder.try_collect().await.unwrap()
}

fn call(
    messages: Vec<FlightData>,
    producer: &str,
    first: u64,
) -> Request<impl futures::Stream<Item = FlightData> + use<>> {
    let mut request = Request::new(futures::stream::iter(messages));
    request.metadata_mut().insert("x-tidegate-producer", producer.parse().unwrap());
    request.metadata_mut().insert("x-tidegate-sequence", first.into());
    request
}

/// The last number that a call acknowledged, and how it ended.
async fn put(
    client: &mut FlightServiceClient<Channel>,
    request: Request<impl futures::Stream<Item = FlightData> + Send + 'static>,
) -> (Option<u64>, Result<(), Status>) {
    let mut answers = match client.do_put(request).await {
        Ok(answers) => answers.into_inner(),
        Err(status) => return (None, Err(status)),
    };
    let mut last = None;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => {
                let said: serde_json::Value = serde_json::from_slice(&answer.app_metadata).unwrap();
                assert_eq!(said["landed"], true);
                last = said["sequence"].as_u64();
            }
            Err(status) => return (last, Err(status)),
        }
    }
    (last, Ok(()))
}
