//! Clients that take their time, beside one that scrapes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use httpcycle_exporter::server::connections::limits::Limits;
use httpcycle_exporter::server::door::Door;
use tokio::time::Instant;

use crate::doors::served::{PATIENCE, Served, generous};
use crate::doors::{Folder, get, load, status};
use crate::support::pki;

/// Enough that no buffer of the kernel holds the page.
const MANY: usize = 10_000;

const SOON: Duration = Duration::from_millis(500);

/// Whether the other side has ended the connection, be it rudely; what came before is left aside.
fn is_ended(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 64 * 1024];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            }
        }
    }
}

/// What becomes of a connection that `act` goes on with for as long as it can.
fn goes_on(mut act: impl FnMut() -> std::io::Result<bool>) -> Duration {
    let before = Instant::now();
    while before.elapsed() < PATIENCE {
        if !act().unwrap_or(false) {
            return before.elapsed();
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the server never had enough");
}

#[test]
fn who_sends_a_head_bit_by_bit_is_shown_out() {
    let served = Served::start(
        Limits {
            head: SOON,
            ..generous()
        },
        10,
    );
    thread::scope(|scope| {
        for n in 0..100 {
            let mut stream = served.connect();
            scope.spawn(move || {
                if n % 2 == 0 {
                    // Silence is no better, nor is a first request that came in time.
                    if n % 4 == 0 {
                        // On a busy machine it may be too late for that too.
                        write!(stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").ok();
                        let n_read = stream.read(&mut [0; 64 * 1024]);
                        n_read.and_then(|_| stream.write_all(b"G")).ok();
                    }
                    return assert!(is_ended(&mut stream));
                }
                // So may this be, and then the server has had enough already.
                stream.write_all(b"GET / HTTP/1.1\r\n").ok();
                goes_on(|| stream.write_all(b"a: b\r\n").map(|()| true));
            });
        }
    });
}

#[test]
fn who_sends_a_head_bit_by_bit_disturbs_nobody() {
    let served = Served::start(generous(), 10);
    let mut slow: Vec<TcpStream> = (0..100).map(|_| served.connect()).collect();
    for n in 0..20 {
        for stream in &mut slow {
            let bits: &[u8] = if n == 0 {
                b"GET / HTTP/1.1\r\n"
            } else {
                b"a: b\r\n"
            };
            stream.write_all(bits).unwrap();
        }
        let answer = get(served.address, "/metrics", "").unwrap();
        assert_eq!(status(&answer), 200);
    }
    for stream in &mut slow {
        stream.set_nonblocking(true).unwrap();
        let nothing = stream.read(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    }
}

#[test]
fn who_does_not_read_is_shown_out() {
    let limits = Limits {
        response: SOON,
        rate: 4 << 20,
        ..generous()
    };
    let served = Served::start(limits, MANY);
    let mut never: Vec<TcpStream> = (0..50).map(|_| served.asking("/metrics")).collect();
    let mut slowly = served.asking("/metrics");
    // Others are served meanwhile, with what is no more than the kernel takes.
    let healthy = get(served.address, "/-/healthy", "").unwrap();
    assert!(healthy.contains("Healthy"), "{healthy}");
    // What it reads comes from the buffers of the kernel, one byte at a time.
    let mut byte = [0];
    slowly.read_exact(&mut byte).unwrap();
    thread::sleep(4 * SOON);
    for stream in &mut never {
        assert!(is_ended(stream));
    }
    assert!(is_ended(&mut slowly));
}

#[test]
fn who_reads_gets_all_beside_those_who_do_not() {
    let served = Served::start(generous(), MANY);
    let _never: Vec<TcpStream> = (0..50).map(|_| served.asking("/metrics")).collect();
    let whole = get(served.address, "/metrics", "").unwrap();
    assert!(whole.ends_with("0\r\n\r\n"), "{} bytes", whole.len());
}

#[test]
fn who_rests_too_long_is_shown_out_and_who_comes_back_in_time_stays() {
    let served = Served::start(
        Limits {
            idle: 4 * SOON,
            ..generous()
        },
        1,
    );
    let mut stream = served.connect();
    let mut bytes = [0; 4096];
    for _ in 0..6 {
        write!(stream, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(stream.read(&mut bytes).unwrap() > 0, "it was shown out");
        thread::sleep(SOON);
    }
    let before = Instant::now();
    assert!(is_ended(&mut stream));
    assert!(before.elapsed() > SOON);
}

#[test]
fn who_takes_too_long_for_tls_is_shown_out() {
    let folder = Folder::new();
    folder.write_pair(&pki::self_signed("127.0.0.1"));
    folder.write(
        "web.yml",
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem}",
    );
    let config = load(&folder.at("web.yml")).unwrap();
    let door = Door::new(&config, None).unwrap();
    let served = Served::behind(
        door,
        Limits {
            handshake: SOON,
            ..generous()
        },
        1,
    );
    let mut silent = served.connect();
    let mut begun = served.connect();
    // On a busy machine it may be too late for that.
    begun.write_all(&[22, 3, 1, 2, 0, 1]).ok();
    assert!(is_ended(&mut silent));
    assert!(is_ended(&mut begun));
    // One that speaks plain HTTP is told no page.
    let mut plain = served.asking("/metrics");
    let mut bytes = Vec::new();
    plain.read_to_end(&mut bytes).ok();
    assert!(!bytes.starts_with(b"HTTP"), "{bytes:?}");
}

#[test]
fn more_connections_than_places_are_closed_at_once() {
    let served = Served::start(
        Limits {
            connections: 5,
            ..generous()
        },
        1,
    );
    let mut held: Vec<TcpStream> = (0..5).map(|_| served.asking("/-/healthy")).collect();
    for stream in &mut held {
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    }
    for _ in 0..5 {
        assert!(is_ended(&mut served.connect()));
    }
    // Those that are there are not touched.
    for stream in &mut held {
        write!(stream, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    }
    drop(held.pop());
    let before = Instant::now();
    while !get(served.address, "/-/healthy", "").is_ok_and(|answer| answer.contains("Healthy")) {
        assert!(before.elapsed() < PATIENCE, "the place is never free again");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn who_is_in_the_way_of_others_does_not_rest() {
    let served = Served::start(
        Limits {
            connections: 4,
            head: 4 * SOON,
            ..generous()
        },
        1,
    );
    let ask = || {
        let mut stream = served.asking("/-/healthy");
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream
    };
    let (mut first, _second) = (ask(), ask());
    // Two of four may rest for as long as they like.
    first.set_read_timeout(Some(8 * SOON)).unwrap();
    let error = first.read(&mut [0]).unwrap_err();
    assert!([ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()));
    let _third = ask();
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(is_ended(&mut first));
}

#[test]
fn requests_are_bounded() {
    let served = Served::start(generous(), 1);
    let mut stream = served.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").unwrap();
    let line = format!("a: {}\r\n", "x".repeat(1_000));
    let mut n_sent = 0;
    goes_on(|| {
        n_sent += 1;
        // The answer is there, or the connection is gone.
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
        match stream.peek(&mut [0]) {
            Ok(_) => Ok(false),
            Err(_) => stream.write_all(line.as_bytes()).map(|()| true),
        }
    });
    assert!(n_sent < 400, "{n_sent} kB were taken");
    // Nobody reads a body, however long it is to be.
    let mut stream = served.connect();
    write!(
        stream,
        "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[test]
fn the_end_waits_for_those_who_read_but_not_forever() {
    // Connections that rest are no reason to wait.
    let mut served = Served::start(
        Limits {
            grace: PATIENCE,
            ..generous()
        },
        1,
    );
    let mut resting = served.asking("/-/healthy");
    assert!(resting.read(&mut [0; 4096]).unwrap() > 0);
    let silent = served.connect();
    assert!(served.stop() < PATIENCE / 2);
    drop(silent);
    let mut served = Served::start(
        Limits {
            grace: 2 * SOON,
            ..generous()
        },
        MANY,
    );
    let mut reading = served.asking("/metrics");
    let never = served.asking("/metrics");
    assert!(reading.read(&mut [0; 4096]).unwrap() > 0);
    let took = served.stop();
    assert!(took >= SOON && took < PATIENCE, "{took:?}");
    drop(never);
    // Whose response was under way when nobody else waited gets all of it.
    let mut served = Served::start(
        Limits {
            grace: PATIENCE,
            ..generous()
        },
        MANY,
    );
    let mut reading = served.asking("/metrics");
    let mut page = vec![0; 4096];
    let n = reading.read(&mut page).unwrap();
    page.truncate(n);
    served.stop.send_replace(true);
    reading.read_to_end(&mut page).unwrap();
    assert!(page.ends_with(b"0\r\n\r\n"), "{} bytes", page.len());
    served.stop();
}

#[test]
fn two_hundred_scrape_at_once() {
    let served = Served::start(generous(), 100);
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| {
                let page = get(served.address, "/metrics", "").unwrap();
                assert!(page.ends_with("0\r\n\r\n"));
            });
        }
    });
    let stream = served.connect();
    stream.shutdown(Shutdown::Both).unwrap();
}
