//! From files to checked catalogues: parse, check, schema.
