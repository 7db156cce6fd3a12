use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::{Gate, Way};

/// Long enough for bytes that are not held, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(20);
/// How long is looked for bytes that should not come.
const SHORT: Duration = Duration::from_millis(200);

/// Both ends of a connection through a gate.
fn ends() -> (Gate, TcpStream, TcpStream) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let gate = Gate::to(server.local_addr().unwrap().port()).unwrap();
    let client = TcpStream::connect(gate.url().trim_start_matches("http://")).unwrap();
    let (accepted, _) = server.accept().unwrap();
    (gate, client, accepted)
}

fn arrives(mut at: &TcpStream, byte: u8) {
    let mut found = [0];
    at.set_read_timeout(Some(LIMIT)).unwrap();
    at.read_exact(&mut found).unwrap();
    assert_eq!(found, [byte]);
}

fn nothing_arrives(mut at: &TcpStream) {
    at.set_read_timeout(Some(SHORT)).unwrap();
    let error = at.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
}

#[test]
fn bytes_wait_in_one_direction_and_then_go_on() {
    let (gate, mut client, mut server) = ends();
    for (way, held_at, passed_at) in [(Way::NothingThere, &server, &client), (Way::NothingBack, &client, &server)] {
        gate.set(way);
        (&client).write_all(&[1]).unwrap();
        (&server).write_all(&[1]).unwrap();
        arrives(passed_at, 1);
        nothing_arrives(held_at);
        gate.set(Way::Open);
        arrives(held_at, 1);
    }
    client.write_all(&[2]).unwrap();
    arrives(&server, 2);
    server.write_all(&[3]).unwrap();
    arrives(&client, 3);
}

#[test]
fn an_end_is_passed_on() {
    let (_gate, client, mut server) = ends();
    drop(client);
    server.set_read_timeout(Some(LIMIT)).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

#[test]
fn bytes_that_wait_end_with_the_gate() {
    let (gate, mut client, mut server) = ends();
    gate.set(Way::NothingThere);
    client.write_all(&[1]).unwrap();
    server.set_read_timeout(Some(LIMIT)).unwrap();
    let reader = thread::spawn(move || server.read(&mut [0]).unwrap());
    drop(gate);
    assert_eq!(reader.join().unwrap(), 0);
}
