//! What does a test do to a real Redis? It starts one, alone, under Sentinel or as a cluster, and kills, stops, cuts off and
//! moves what it likes.
//!
//! Only tests use this crate. Its functions block, do not hand errors out, and panic with the last lines of the process's
//! log where something does not come about: a test could do nothing else. They may be called from `#[tokio::test(flavor =
//! "multi_thread")]`. Whatever was started ends with its value, and with the test's process, however that ends.
//!
//! ```no_run
//! let redis = tokka_rig::Redis::start();
//! redis.cli(&["SET", "greeting", "hello"]);
//! redis.kill9();
//! redis.restart();
//! assert_eq!(redis.cli(&["GET", "greeting"]), "");
//! ```

mod postgres;
mod redis;

pub mod cluster;
pub mod proxy;
pub mod sentinels;

mod options;
mod process;
mod program;
mod resp;
mod tls;

mod ports;
mod wait;

pub use self::cluster::{Cluster, Migration};
pub use self::options::{Fsync, Options, User};
pub use self::postgres::Postgres;
pub use self::program::{Program, available, version};
pub use self::proxy::{Proxy, Traffic};
pub use self::redis::Redis;
pub use self::resp::{Answer, Connection};
pub use self::sentinels::Sentinels;
pub use self::tls::{Tls, TlsFiles};
