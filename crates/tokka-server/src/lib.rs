//! The services: wiring, conversions, one file a service.
