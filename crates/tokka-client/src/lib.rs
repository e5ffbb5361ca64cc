//! How does a program ask tokka? With a deadline for every call, and with retries that can do no harm.
//!
//! [`Client`] has one method a call and takes the messages of the API; [`Operator`] asks what operators ask. Every call ends within its deadline, attempts
//! included. What may be repeated is repeated: questions freely, and what changes something because its id makes a
//! repetition the same call. **Ids are the caller's**: make one with [`fresh_id`], write it down with the order, and use it
//! again when the outcome of a call is unknown; the client never makes one up.
//!
//! ```no_run
//! # async fn order() -> Result<(), Box<dyn std::error::Error>> {
//! use tokka_client::{Client, Config, Error, fresh_id, v1};
//!
//! let client = Client::new(Config::new("http://127.0.0.1:7070"))?;
//! let id = fresh_id(); // kept with the order before it is used
//! let request = v1::ReserveRequest { reservation_id: id.clone(), ..Default::default() };
//! match client.reserve(request).await {
//!     Ok(answer) => println!("{answer:?}"),
//!     Err(Error::PriceChanged { counters, .. }) => println!("ask the customer again: {counters:?}"),
//!     Err(Error::OutcomeUnknown { .. }) => println!("ask again under {id}"),
//!     Err(other) => return Err(other.into()),
//! }
//! # Ok(())
//! # }
//! ```

mod calls;
mod client;
mod config;
mod error;
mod id;
mod insight;
mod operator;
mod promotions;
mod retry;

pub use client::{Client, ConnectError};
pub use config::{Config, Deadlines, Retries};
pub use error::{Counter, Counters, Error, FieldViolation, Precondition, Refusal};
pub use id::fresh_id;
pub use insight::{Insight, Sale};
pub use operator::{Operator, Subscription};
pub use promotions::Promotions;

/// The messages of the API.
pub use tokka_proto::v1;
/// The statuses of gRPC.
pub use tonic::Code;
