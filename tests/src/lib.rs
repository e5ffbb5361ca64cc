//! Fixtures and generators that the tests share.
