//! Messages that nobody should send end their call, and nothing else.

use arrow::array::{DictionaryArray, Int64Array};
use arrow::datatypes::Int32Type;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::utils::batches_to_flight_data;
use proptest::prelude::*;
use tidegate_receive::Decoder;
use tonic::Code;

use super::*;

async fn decode(sent: Vec<FlightData>, limits: &Limits) -> Result<Vec<RecordBatch>, Status> {
    let mut decoder = Decoder::new(futures::stream::iter(sent.into_iter().map(Ok)), limits);
    let mut batches = Vec::new();
    while let Some(decoded) = decoder.next().await {
        batches.push(decoded?.batch);
    }
    Ok(batches)
}

async fn compressed(rows: RecordBatch, kind: CompressionType) -> Vec<FlightData> {
    let options = IpcWriteOptions::default().try_with_compression(Some(kind)).unwrap();
    let rows = futures::stream::iter([Ok(rows)]);
    let encoder = FlightDataEncoderBuilder::new().with_options(options).with_max_flight_data_size(usize::MAX);
    encoder.build(rows).try_collect().await.unwrap()
}

fn zeros(rows: usize) -> RecordBatch {
    RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from_value(0, rows)) as _)]).unwrap()
}

#[tokio::test]
async fn compressed_and_empty_batches_and_dictionaries_are_read() {
    let limits = Limits::default();
    for kind in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        assert_eq!(decode(compressed(zeros(1000), kind).await, &limits).await.unwrap(), [zeros(1000)]);
    }
    let words: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
    let words = RecordBatch::try_from_iter([("text", Arc::new(words) as _)]).unwrap();
    let batches = futures::stream::iter([Ok(words.clone())]);
    let encoder = FlightDataEncoderBuilder::new()
        .with_dictionary_handling(arrow_flight::encode::DictionaryHandling::Resend)
        .build(batches);
    assert_eq!(decode(encoder.try_collect().await.unwrap(), &limits).await.unwrap(), [words]);
    // The encoder of streams leaves out batches without rows; other libraries do not.
    let empty = batch(1).slice(0, 0);
    let sent = batches_to_flight_data(&empty.schema(), vec![empty.clone()]).unwrap();
    assert_eq!(decode(sent, &limits).await.unwrap(), [empty]);
}

#[tokio::test]
async fn what_grows_beyond_the_limit_is_refused_before_it_grows() {
    let limits = Limits { message_bytes: 100_000, ..Limits::default() };
    for kind in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let bomb = compressed(zeros(1_000_000), kind).await;
        assert!(bomb.iter().all(|message| message.data_body.len() < 100_000));
        let refused = decode(bomb, &limits).await.unwrap_err();
        assert!(refused.message().starts_with("TG776"), "{}", refused.message());
    }
    let limits = Limits { batch_rows: 5, ..Limits::default() };
    let refused = decode(messages(vec![batch(1)], "events").await, &limits).await.unwrap_err();
    assert!(refused.message().starts_with("TG776"), "{}", refused.message());
}

#[tokio::test]
async fn a_schema_does_not_change_within_a_call() {
    let mut sent = messages(vec![batch(1)], "events").await;
    sent.extend(messages(vec![zeros(3)], "events").await);
    let refused = decode(sent, &Limits::default()).await.unwrap_err();
    assert!(refused.message().starts_with("TG778"), "{}", refused.message());
}

#[tokio::test]
async fn calls_that_say_nothing_sensible_are_refused_and_the_next_is_served() {
    let served = serve(quick(), Limits::default()).await;
    let mut client = served.flight().await;
    let good = messages(vec![batch(1)], "events").await;
    let no_columns = RecordBatch::try_new_with_options(
        Arc::new(arrow::datatypes::Schema::empty()),
        Vec::new(),
        &arrow::array::RecordBatchOptions::new().with_row_count(Some(3)),
    );
    let mut undescribed = good.clone();
    undescribed[0].flight_descriptor = None;
    let mut noted = good.clone();
    noted[1].app_metadata = "not JSON".into();
    let mut garbage = good.clone();
    garbage[1].data_header = vec![0xff; 64].into();
    let mut short = good.clone();
    short[1].data_body = short[1].data_body.slice(0..8);
    let mut two_streams = good.clone();
    two_streams[0].flight_descriptor.as_mut().unwrap().path.push("more".to_owned());
    let calls = [
        (undescribed, Code::InvalidArgument),
        (Vec::new(), Code::InvalidArgument),
        (noted, Code::InvalidArgument),
        (garbage, Code::InvalidArgument),
        (short, Code::InvalidArgument),
        (two_streams, Code::InvalidArgument),
        (good[1..].to_vec(), Code::InvalidArgument),
        (messages(vec![no_columns.unwrap()], "events").await, Code::InvalidArgument),
        (messages(vec![batch(1)], "absent").await, Code::NotFound),
    ];
    for (number, (sent, code)) in calls.into_iter().enumerate() {
        let (last, ended) = put(&mut client, call(sent, "p", 1)).await;
        assert_eq!((last, ended.map_err(|status| status.code())), (None, Err(code)), "call {number}");
    }
    let (_, ended) = put(&mut client, call(good.clone(), "../p", 1)).await;
    assert_eq!(ended.unwrap_err().code(), Code::InvalidArgument);
    put(&mut client, call(good, "p", 1)).await.1.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// One byte of a message may be any other, and the decoder answers or refuses.
    #[test]
    fn a_changed_byte_is_survived(place in any::<prop::sample::Index>(), byte in any::<u8>(), which in 0..2_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut sent = messages(vec![batch(1)], "events").await;
            let mut header = sent[which].data_header.to_vec();
            let place = place.index(header.len());
            header[place] = byte;
            sent[which].data_header = header.into();
            drop(decode(sent, &Limits::default()).await);
        });
    }
}
