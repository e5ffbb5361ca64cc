//! What does the API look like in Rust? Generated code and its descriptor set, nothing else: the reference is the
//! comments of `proto/tokka/v1`.

/// Package `tokka.v1`.
#[allow(missing_docs, reason = "generated: tonic documents neither its modules nor their constructors")]
#[allow(unreachable_pub, reason = "generated")]
#[allow(clippy::all, clippy::allow_attributes_without_reason, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("tokka.v1");
}

/// The API and what it imports as an encoded `google.protobuf.FileDescriptorSet`, for reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tokka.v1.bin"));
