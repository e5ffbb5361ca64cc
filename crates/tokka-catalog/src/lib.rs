//! Are these files a catalogue? From texts to checked documents, with every error at once: file, line, field and what to
//! write instead.
//!
//! [`read_folder`] reads files, [`load()`] makes a catalogue of them or answers [`Problems`] ([`load_with_products`] beside the
//! range of the shops), [`check()`] tells what is odd about it, and [`schema`] prints the JSON Schema of each kind of document. [`decode`] is the machinery below, which scenarios use too.

pub mod check;
pub mod decode;
pub mod documents;
pub mod encode;
pub mod load;
pub mod money;
pub mod problem;
pub mod products;
pub mod source;
pub mod values;
pub mod yaml;

pub use self::check::{check, check_changed};
pub use self::documents::{CODES_MAX, CatalogueSettings, Codes, Distribution, ItemOverlap, Kind, schema};
pub use self::load::apart::{DocumentValue, put_together, read_apart};
pub use self::load::{Counts, Loaded, load, load_text, load_to_check, load_with_products};
pub use self::problem::{Problem, ProblemKind, Problems};
pub use self::products::{Product, Products};
pub use self::source::{Source, content_hash, read_folder};
