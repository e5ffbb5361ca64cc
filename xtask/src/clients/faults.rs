//! What goes wrong between a client and its server? An answer that is lost after the server has done it, and a silence.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};

/// Length of the head of an HTTP/2 frame (RFC 9113, section 4.1): 3 bytes of length, type, flags, 4 of stream.
const HEAD: usize = 9;
/// The type of the frame that an answer begins with.
const HEADERS: u8 = 1;

/// An address in front of a server: the first answer that comes back is lost, together with its connection.
pub(super) struct Lossy {
    address: String,
    lost: Arc<AtomicUsize>,
}

impl Lossy {
    /// Listens until the process ends.
    pub(super) fn before(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        let address = listener.local_addr()?.to_string();
        let lost = Arc::new(AtomicUsize::new(0));
        let (server, count) = (server.to_owned(), lost.clone());
        let armed = Arc::new(AtomicBool::new(true));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(upstream) = TcpStream::connect(&server) else { continue };
                pass(client, upstream, armed.clone(), count.clone());
            }
        });
        Ok(Self { address, lost })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// How many answers were lost.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

/// An address that takes connections and says nothing, until the process ends.
pub(super) fn silence() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    let address = listener.local_addr()?.to_string();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for client in listener.incoming().flatten() {
            kept.push(client);
        }
    });
    Ok(address)
}

/// Passes bytes on in both directions.
fn pass(client: TcpStream, server: TcpStream, armed: Arc<AtomicBool>, lost: Arc<AtomicUsize>) {
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    thread::spawn(move || {
        // Who goes away tells the other side by it.
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        if answers(&server, &client, &armed).is_none() {
            lost.fetch_add(1, Ordering::SeqCst);
        }
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
    });
}

/// Passes frames on until one side ends; `None` as soon as an answer begins that is to be lost.
fn answers(mut server: &TcpStream, mut client: &TcpStream, armed: &AtomicBool) -> Option<()> {
    let mut head = [0; HEAD];
    while server.read_exact(&mut head).is_ok() {
        let [high, middle, low, kind, ..] = head;
        if kind == HEADERS && armed.swap(false, Ordering::SeqCst) {
            return None;
        }
        let length = u64::from(u32::from_be_bytes([0, high, middle, low]));
        let sent = client.write_all(&head).and_then(|()| std::io::copy(&mut Read::take(server, length), &mut client));
        if sent.is_err() {
            break;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of this type, with a body of `length` bytes.
    fn frame(kind: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, 0, 0, 0, 0, 1];
        frame.extend((0..length).map(|_| b'x'));
        frame
    }

    /// What a client gets of a server that says these frames and closes, over the lossy address, each time it connects.
    fn heard(says: Vec<u8>, times: usize) -> (Vec<Vec<u8>>, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let lossy = Lossy::before(&listener.local_addr().unwrap().to_string()).unwrap();
        thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                connection.write_all(&says).unwrap();
            }
        });
        let hear = |_| {
            let mut all = Vec::new();
            // A connection that is cut may end in an error, after what came.
            let _ = TcpStream::connect(lossy.address()).unwrap().read_to_end(&mut all);
            all
        };
        let all = (0..times).map(hear).collect();
        (all, lossy.lost())
    }

    #[test]
    fn the_first_answer_is_lost_and_no_other_one() {
        let (settings, answer) = (frame(4, 6), frame(HEADERS, 3));
        let both = [settings.clone(), answer].concat();
        assert_eq!(heard(both.clone(), 3), (vec![settings, both.clone(), both], 1));
    }

    #[test]
    fn what_is_no_answer_is_passed_on() {
        let says = [frame(4, 0), frame(6, 8), frame(0, 200)].concat();
        assert_eq!(heard(says.clone(), 2), (vec![says.clone(), says], 0));
    }
}
