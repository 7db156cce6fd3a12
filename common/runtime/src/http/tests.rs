//! Real sockets on free loopback ports.

use prometheus::{IntCounter, Registry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::*;

fn listen(address: &str, insecure_bind: bool) -> Listen {
    Listen { address: address.parse().unwrap(), key: "http.health_address", insecure_bind }
}

async fn get(server: HttpServer, path: &str) -> String {
    let address = server.address();
    let stop = CancellationToken::new();
    let running = tokio::spawn(server.run(stop.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
    answer
}

async fn health(readiness: &Readiness, path: &str) -> String {
    get(serve_health(&listen("127.0.0.1:0", false), readiness.clone()).await.unwrap(), path).await
}

#[tokio::test]
async fn alive_before_ready() {
    let readiness = Readiness::new(&["leader", "kafka"]);
    assert!(health(&readiness, "/health").await.starts_with("HTTP/1.1 200 "));
    assert!(health(&readiness, "/healthz").await.starts_with("HTTP/1.1 200 "));
    let answer = health(&readiness, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("content-type: application/json"), "{answer}");
    assert!(answer.contains(r#""kafka":{"ready":false,"detail":"not reported yet"}"#), "{answer}");
}

#[tokio::test]
async fn ready_when_every_check_is() {
    let readiness = Readiness::new(&["leader", "kafka"]);
    readiness.set_ready("leader");
    readiness.set_waiting("kafka", "no broker answers");
    assert!(health(&readiness, "/readyz").await.contains(r#""detail":"no broker answers""#));
    readiness.set_ready("kafka");
    let answer = health(&readiness, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"ready":true,"checks":{"kafka":{"ready":true},"leader":{"ready":true}}}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn metrics_in_text_format() {
    let registry = Registry::new();
    let counter = IntCounter::new("k2i_test_things_total", "Things.").unwrap();
    registry.register(Box::new(counter.clone())).unwrap();
    counter.inc_by(3);
    let server = serve_metrics(&listen("127.0.0.1:0", false), registry).await.unwrap();
    let answer = get(server, "/metrics").await;
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("\nk2i_test_things_total 3\n"), "{answer}");
}

#[tokio::test]
async fn an_unfinished_request_does_not_hold_the_process() {
    let server = serve_metrics(&listen("127.0.0.1:0", false), Registry::new()).await.unwrap();
    let address = server.address();
    let stop = CancellationToken::new();
    let running = tokio::spawn(server.run(stop.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    stop.cancel();
    tokio::time::timeout(std::time::Duration::from_secs(5), running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn port_in_use_is_named() {
    let first = serve_metrics(&listen("127.0.0.1:0", false), Registry::new()).await.unwrap();
    let address = first.address();
    let second = serve_metrics(&listen(&address.to_string(), false), Registry::new()).await.unwrap_err();
    let message = second.to_string();
    assert!(matches!(second, HttpError::InUse { .. }), "{second:?}");
    assert!(message.contains("port in use"), "{message}");
    assert!(message.contains("http.health_address") && message.contains(&address.to_string()), "{message}");
}

#[tokio::test]
async fn other_machines_need_the_flag() {
    for address in ["0.0.0.0:0", "192.0.2.1:8080", "[::]:0"] {
        let error = serve_metrics(&listen(address, false), Registry::new()).await.unwrap_err();
        assert!(error.to_string().contains("--insecure-bind"), "{error}");
    }
    assert!(listen("[::1]:0", false).check().unwrap().is_none());
    let warning = listen("0.0.0.0:0", true).check().unwrap().unwrap();
    assert!(warning.contains("without encryption"), "{warning}");
    assert!(serve_metrics(&listen("0.0.0.0:0", true), Registry::new()).await.is_ok());
}
