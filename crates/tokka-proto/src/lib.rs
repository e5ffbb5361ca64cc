//! The API: generated code and its descriptor set, nothing else.
