//! What goes wrong between a client and its server? A proxy that delays, holds, refuses and cuts as it is told.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::ports;
use crate::wait::{must, until};

/// What the proxy does with connections and bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Passes everything on.
    #[default]
    Pass,
    /// Passes everything on, each piece in each direction so much later.
    Delay(Duration),
    /// A black hole: accepts, and neither passes anything on nor says anything. What came meanwhile is passed on when this
    /// ends, as by a network that comes back; cut first to lose it.
    Hold,
    /// Requests are passed on, answers are held like that: the server does what it is told, and nobody hears of it.
    HoldAnswers,
    /// New connections are refused. Those that are there stay.
    Refuse,
    /// After so many more bytes of answers, over all connections, the connection that carries them is cut, and after that
    /// everything is passed on again. 0 = the request arrives, and the answer's first byte does not.
    CutAfter(u64),
}

/// A TCP proxy on a port of 127.0.0.1. Dropped, it cuts every connection.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    port: u16,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    target: Option<SocketAddr>,
    traffic: Traffic,
    /// The listener's thread is there.
    listens: bool,
    ended: bool,
    next: u64,
    /// Both sides of every connection.
    pairs: HashMap<u64, [TcpStream; 2]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

impl Proxy {
    /// A proxy in front of a port of this machine, that passes everything on.
    #[track_caller]
    pub fn start(target_port: u16) -> Self {
        Self::to(SocketAddr::from((Ipv4Addr::LOCALHOST, target_port)))
    }

    /// A proxy in front of any address.
    #[track_caller]
    pub fn to(target: SocketAddr) -> Self {
        let shared = Arc::new(Shared::default());
        shared.lock().target = Some(target);
        // Between being found free and being listened on, a port may be taken.
        let (port, listener) = until(
            "a port for a proxy",
            || {
                let port = ports::free();
                Some((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?))
            },
            String::new,
        );
        let proxy = Self { shared, port };
        proxy.listen(listener);
        proxy
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `redis://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("redis://{}/", self.address())
    }

    /// Does something else from now on, also with the connections that are there.
    #[track_caller]
    pub fn set(&self, traffic: Traffic) {
        let mut state = self.shared.lock();
        state.traffic = traffic;
        let refuse = traffic == Traffic::Refuse;
        let (stops, starts) = (refuse && state.listens, !refuse && !state.listens);
        drop(state);
        self.shared.changed.notify_all();
        if stops {
            self.stop_listening();
        }
        if starts {
            let listener = until(
                "the port of a proxy to be free again",
                || TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).ok(),
                || self.address(),
            );
            self.listen(listener);
        }
    }

    /// Sends new connections somewhere else from now on.
    pub fn retarget(&self, target: SocketAddr) {
        self.shared.lock().target = Some(target);
    }

    /// Cuts every connection now; answers how many there were. What was held is lost.
    pub fn sever(&self) -> usize {
        let pairs = std::mem::take(&mut self.shared.lock().pairs);
        pairs.values().for_each(cut);
        self.shared.changed.notify_all();
        pairs.len()
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.shared.lock().pairs.len()
    }

    fn listen(&self, listener: TcpListener) {
        self.shared.lock().listens = true;
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let closed = {
                    let state = shared.lock();
                    state.ended || state.traffic == Traffic::Refuse
                };
                if closed {
                    break;
                }
                if let Ok(client) = client {
                    shared.carry(client);
                }
            }
            drop(listener);
            shared.lock().listens = false;
            shared.changed.notify_all();
        });
    }

    /// Wakes the listener's thread, which then sees that it should go, and waits until it has.
    #[track_caller]
    fn stop_listening(&self) {
        let wake = || drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        until(
            "a proxy to stop listening",
            || {
                wake();
                (!self.shared.lock().listens).then_some(())
            },
            || self.address(),
        );
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.sever();
        // The thread of the listener sees `ended` when somebody connects.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects to the target and carries bytes both ways; a client whose server cannot be reached is cut.
    fn carry(self: &Arc<Self>, client: TcpStream) {
        let target = self.lock().target;
        let Some(server) = target.and_then(|target| TcpStream::connect(target).ok()) else {
            return;
        };
        let clones = || {
            for stream in [&client, &server] {
                stream.set_nodelay(true)?;
            }
            Ok::<_, std::io::Error>([client.try_clone()?, server.try_clone()?, client.try_clone()?, server.try_clone()?])
        };
        let [from_client, to_server, to_client, from_server] = must(clones(), "a proxy cannot carry a connection");
        let number = {
            let mut state = self.lock();
            if state.ended {
                cut(&[client, server]);
                return;
            }
            let number = state.next;
            state.next = number.wrapping_add(1);
            state.pairs.insert(number, [client, server]);
            number
        };
        for (mut from, mut to, direction) in
            [(from_client, to_server, Direction::Request), (from_server, to_client, Direction::Answer)]
        {
            let shared = Arc::clone(self);
            thread::spawn(move || {
                shared.pump(number, &mut from, &mut to, direction);
                shared.close(number);
            });
        }
    }

    /// Carries bytes until either side closes, or the connection is cut.
    fn pump(&self, number: u64, from: &mut TcpStream, to: &mut TcpStream, direction: Direction) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let Some(piece) = buffer.get(..length) else { return };
            let Some(traffic) = self.wait_for_leave(number, direction) else { return };
            if let Traffic::Delay(delay) = traffic {
                thread::sleep(delay);
            }
            let passed = if direction == Direction::Answer { self.before_the_cut(length) } else { length };
            if to.write_all(piece.get(..passed).unwrap_or_default()).is_err() || passed < length {
                return;
            }
        }
    }

    /// Waits while bytes of this direction are held; `None` = the connection has been cut.
    fn wait_for_leave(&self, number: u64, direction: Direction) -> Option<Traffic> {
        let mut state = self.lock();
        loop {
            if !state.pairs.contains_key(&number) {
                return None;
            }
            let held = match state.traffic {
                Traffic::Hold => true,
                Traffic::HoldAnswers => direction == Direction::Answer,
                _ => false,
            };
            if !held {
                return Some(state.traffic);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many of these bytes of an answer may pass before a cut that is ordered.
    fn before_the_cut(&self, length: usize) -> usize {
        let mut state = self.lock();
        let Traffic::CutAfter(left) = state.traffic else { return length };
        let long = u64::try_from(length).unwrap_or(u64::MAX);
        match left.checked_sub(long) {
            Some(left) => {
                state.traffic = Traffic::CutAfter(left);
                length
            }
            None => {
                state.traffic = Traffic::Pass;
                usize::try_from(left).unwrap_or(length)
            }
        }
    }

    fn close(&self, number: u64) {
        if let Some(pair) = self.lock().pairs.remove(&number) {
            cut(&pair);
        }
        self.changed.notify_all();
    }
}

fn cut(pair: &[TcpStream; 2]) {
    for stream in pair {
        // One side may have closed already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
