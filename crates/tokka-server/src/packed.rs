//! How are bytes made shorter? By zstd, quickly: what is written with every order.

use std::cell::RefCell;

const LEVEL: i32 = 1;

thread_local! {
    /// A context is a large allocation, so that each thread keeps its own.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// One frame of these bytes, shorter or not; `None` where zstd has no memory for it.
pub(crate) fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with(|compressor| {
        let mut compressor = compressor.borrow_mut();
        if compressor.is_none() {
            *compressor = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        compressor.as_mut()?.compress(bytes).ok()
    })
}
