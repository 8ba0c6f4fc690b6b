//! Who may call, and over which connection?

use tidegate_receive::{Error, Secret, Tls};
use tonic::Code;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::*;

const TOKEN: &str = "correct horse battery staple";

fn token() -> String {
    TOKEN.replace(' ', "-")
}

fn tls(mutual: bool) -> Tls {
    Tls {
        certificate: include_bytes!("../tls/server.pem").to_vec(),
        key: include_bytes!("../tls/server.key").to_vec(),
        client_authority: mutual.then(|| include_bytes!("../tls/authority.pem").to_vec()),
    }
}

#[tokio::test]
async fn an_open_address_without_tls_and_token_does_not_start() {
    let open = Listen { address: "0.0.0.0:0".parse().unwrap(), ..Listen::locally(0) };
    let refused = Receiver::bind(Some(open), None, Limits::default()).await.unwrap_err();
    assert!(matches!(refused, Error::Unprotected { .. }), "{refused}");
    let broken = Tls { key: b"no key".to_vec(), ..tls(false) };
    let broken = Listen { tls: Some(broken), ..Listen::locally(0) };
    let refused = Receiver::bind(Some(broken), None, Limits::default()).await.unwrap_err();
    assert_eq!(refused.code(), "TG772");
}

#[tokio::test]
async fn every_call_shows_the_token() {
    let listen = Listen { token: Some(Secret::new(&token()).unwrap()), ..Listen::locally(0) };
    let served = serve_on(listen, quick(), Limits::default()).await;
    let mut client = served.flight().await;
    let sent = messages(vec![batch(1)], "events").await;
    for shown in [None, Some("Bearer wrong-wrong-wrong".to_owned()), Some(token())] {
        let mut request = call(sent.clone(), "p", 1);
        if let Some(shown) = shown {
            request.metadata_mut().insert("authorization", shown.parse().unwrap());
        }
        assert_eq!(put(&mut client, request).await.1.unwrap_err().code(), Code::Unauthenticated);
    }
    let mut request = call(sent, "p", 1);
    request.metadata_mut().insert("authorization", format!("Bearer {}", token()).parse().unwrap());
    put(&mut client, request).await.1.unwrap();

    let bare = otlp::post(served.http, "/v1/traces", &[("content-type", "application/json")], b"{}").await;
    assert_eq!(bare.status, 401);
    let shown = format!("Bearer {}", token());
    let headers = [("content-type", "application/json"), ("authorization", shown.as_str())];
    assert_eq!(otlp::post(served.http, "/v1/traces", &headers, b"{}").await.status, 200);
    assert_eq!(otlp::request(served.http, "GET", "/healthz", &[], b"").await.status, 200);
}

#[tokio::test]
async fn rows_come_over_tls_and_with_a_certificate_where_that_is_asked() {
    for mutual in [false, true] {
        let listen = Listen { tls: Some(tls(mutual)), ..Listen::locally(0) };
        let served = serve_on(listen, quick(), Limits::default()).await;
        let authority = Certificate::from_pem(include_bytes!("../tls/authority.pem"));
        let plain = ClientTlsConfig::new().domain_name("localhost").ca_certificate(authority);
        let identity = Identity::from_pem(include_bytes!("../tls/client.pem"), include_bytes!("../tls/client.key"));
        for (config, fits) in [(plain.clone().identity(identity), true), (plain, !mutual)] {
            let endpoint = Channel::from_shared(format!("https://{}", served.grpc)).unwrap();
            let connected = endpoint.tls_config(config).unwrap().connect().await;
            let ended = match connected {
                Ok(channel) => {
                    let mut client = FlightServiceClient::new(channel);
                    put(&mut client, call(messages(vec![batch(1)], "events").await, "p", 1)).await.1.is_ok()
                }
                Err(_) => false,
            };
            assert_eq!(ended, fits, "mutual: {mutual}");
        }
        // Whoever speaks no TLS gets nothing.
        if let Ok(mut client) = connect(served.grpc).await {
            let sent = messages(vec![batch(1)], "events").await;
            assert!(put(&mut client, call(sent, "p", 1)).await.1.is_err());
        }
    }
}
