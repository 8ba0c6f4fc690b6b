//! Rows sent with the Arrow Flight client of Rust.

use arrow_flight::Action;
use tonic::Code;

use super::*;

#[tokio::test]
async fn batches_are_acknowledged_when_they_are_landed() {
    let served = serve(quick(), Limits::default()).await;
    let mut client = served.flight().await;
    let sent = messages((1..=20).map(batch).collect(), "events").await;
    let (last, ended) = put(&mut client, call(sent, "p", 1)).await;
    ended.unwrap();
    assert_eq!(last, Some(20));
    assert_eq!(served.landed().await, ids(1..=20));
    assert!(served.desk.landing.metrics().files < 20, "batches of one call share files");
}

#[tokio::test]
async fn what_is_sent_again_is_landed_once_and_the_position_says_from_where_to_go_on() {
    let served = serve(quick(), Limits::default()).await;
    let mut client = served.flight().await;
    for (from, to) in [(1, 5), (3, 8), (1, 8), (9, 9)] {
        let sent = messages((from..=to).map(batch).collect(), "events").await;
        let (last, ended) = put(&mut client, call(sent, "p", from)).await;
        ended.unwrap();
        assert_eq!(last, Some(to));
    }
    assert_eq!(served.landed().await, ids(1..=9));
    let action = Action::new("position", r#"{"stream":"events","producer":"p"}"#);
    let answer = client.do_action(action).await.unwrap().into_inner().next().await.unwrap().unwrap();
    assert_eq!(answer.body, r#"{"landed":9}"#);
}

#[tokio::test]
async fn numbers_may_be_said_with_the_batches() {
    let served = serve(quick(), Limits::default()).await;
    let mut client = served.flight().await;
    let mut sent = messages(vec![batch(1), batch(2), batch(1)], "events").await;
    for (message, sequence) in sent.iter_mut().skip(1).zip([1, 2, 1]) {
        message.app_metadata = format!(r#"{{"sequence":{sequence}}}"#).into();
    }
    let mut request = call(sent, "p", 77);
    request.metadata_mut().remove("x-tidegate-sequence");
    put(&mut client, request).await.1.unwrap();
    assert_eq!(served.landed().await, ids(1..=2));
}

#[tokio::test]
async fn a_gap_is_refused_after_what_was_landed_is_said() {
    let served = serve(quick(), Limits::default()).await;
    let mut client = served.flight().await;
    let (last, ended) = put(&mut client, call(messages(vec![batch(3)], "events").await, "p", 3)).await;
    let status = ended.unwrap_err();
    assert_eq!((last, status.code()), (None, Code::FailedPrecondition));
    assert!(status.message().starts_with("TG766"), "{}", status.message());
}

#[tokio::test]
async fn a_sender_without_a_name_is_taken() {
    let served = serve(quick(), Limits::default()).await;
    let mut client = served.flight().await;
    for _ in 0..2 {
        let sent = messages(vec![batch(1)], "events").await;
        put(&mut client, Request::new(futures::stream::iter(sent))).await.1.unwrap();
    }
    assert_eq!(served.landed().await.len(), 20, "at least once, and here twice");
}

#[tokio::test]
async fn the_columns_of_a_stream_are_told() {
    let served = serve(quick(), Limits::default()).await;
    let mut client = served.flight().await;
    let descriptor = FlightDescriptor::new_path(vec!["events".to_owned()]);
    let info = client.get_flight_info(descriptor.clone()).await.unwrap().into_inner();
    assert_eq!(info.try_decode_schema().unwrap(), *desk::events());
    let schema = client.get_schema(FlightDescriptor::new_cmd("events")).await.unwrap().into_inner();
    assert_eq!(arrow::datatypes::Schema::try_from(&schema).unwrap(), *desk::events());
    let absent = client.get_schema(FlightDescriptor::new_path(vec!["absent".to_owned()])).await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
}

#[tokio::test]
async fn rows_that_do_not_fit_are_refused_without_their_values() {
    let served = serve(quick(), Limits::default()).await;
    let mut client = served.flight().await;
    let secret = StringArray::from(vec!["alice@example.com"]);
    let wrong = RecordBatch::try_from_iter([("id", Arc::new(secret) as _)]).unwrap();
    let (_, ended) = put(&mut client, call(messages(vec![wrong], "events").await, "p", 1)).await;
    let status = ended.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "TG762: column `id` is Utf8, and the stream's is Int64: send it as that");
    put(&mut client, call(messages(vec![batch(1)], "events").await, "p", 1)).await.1.unwrap();
}

#[tokio::test]
async fn a_server_that_stops_lands_what_it_has_and_says_so() {
    let served = serve(Options { flush_after: Duration::from_secs(3600), ..quick() }, Limits::default()).await;
    let mut client = served.flight().await;
    let sent = messages(vec![batch(1), batch(2)], "events").await;
    // The sender never ends its call.
    let stalled = futures::stream::iter(sent).chain(futures::stream::pending());
    let mut request = Request::new(stalled);
    request.metadata_mut().insert("x-tidegate-producer", "p".parse().unwrap());
    let putting = tokio::spawn(async move { put(&mut client, request).await });
    while served.desk.landing.metrics().waiting < 2 {
        tokio::task::yield_now().await;
    }
    served.stop.send(()).unwrap();
    let (last, ended) = putting.await.unwrap();
    assert_eq!(last, Some(2));
    assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
    served.serving.await.unwrap().unwrap();
    assert_eq!(landed(&Store::open_local(&served.folder).unwrap()).await, ids(1..=2));
}
