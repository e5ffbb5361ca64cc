//! What does a server show besides prices? Health, reflection, and its manners with bytes that are no request.

use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_types::StatusExt;

use crate::running::{Running, connect, line, masks};

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    let server = Running::shop().await;
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(server.channel.clone());
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.expect("answers").into_inner();
    let answer = answers.message().await.expect("an answer").expect("one").message_response;
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"tokka.v1.PricingService") && names.contains(&"grpc.health.v1.Health"), "{names:?}");

    // The details of errors too: grpcurl prints them only if it can look them up.
    for symbol in ["tokka.v1.QuoteRequest", "google.rpc.BadRequest", "grpc.health.v1.Health"] {
        let request = v1alpha::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(symbol.to_owned())),
        };
        let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(server.channel.clone());
        let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.expect("answers").into_inner();
        let answer = answers.message().await.expect("an answer").expect("one").message_response;
        let Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(files)) = answer else {
            panic!("{symbol}: {answer:?}")
        };
        assert!(!files.file_descriptor_proto.is_empty());
    }
}

#[tokio::test]
async fn health_is_answered_on_both_ports() {
    let server = Running::of(crate::running::SHOP, |config| config.admin = Some(([127, 0, 0, 1], 0).into())).await;
    let admin = connect(server.admin.expect("an admin address")).await;
    for channel in [server.channel.clone(), admin] {
        let mut client = HealthClient::new(channel);
        for service in ["", "tokka.v1.PricingService"] {
            let answer = client.check(HealthCheckRequest { service: service.to_owned() }).await.expect("an answer");
            assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
        }
        let unknown = client.check(HealthCheckRequest { service: "tokka.v1.Nothing".to_owned() }).await.expect_err("unknown");
        assert_eq!(unknown.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn a_refused_folder_is_told_to_probes_and_no_reason_to_restart() {
    let mut server = Running::shop().await;
    let mut client = HealthClient::new(server.channel.clone());
    let request = HealthCheckRequest { service: "tokka.catalogue".to_owned() };
    let mut catalogue = client.watch(request).await.expect("a stream").into_inner();
    assert_eq!(catalogue.message().await.expect("a message").expect("one").status(), ServingStatus::Serving);
    server.write("more.yaml", "kind: nonsense");
    assert_eq!(catalogue.message().await.expect("a message").expect("one").status(), ServingStatus::NotServing);
    let whole = client.check(HealthCheckRequest::default()).await.expect("an answer").into_inner();
    assert_eq!(whole.status(), ServingStatus::Serving);
    server.quote(masks()).await.expect("a price under the old revision");
    std::fs::remove_file(server.folder.path().join("more.yaml")).expect("removed");
    assert_eq!(catalogue.message().await.expect("a message").expect("one").status(), ServingStatus::Serving);
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_fault() {
    let server = Running::shop().await;
    for (name, bytes) in [
        ("a basket of 5 bytes, of which there are 2", vec![0x0a, 5, 1, 2]),
        ("a currency that is not UTF-8", vec![0x0a, 3, 0x0a, 1, 0xff]),
        ("a number without an end", vec![0x30, 0xff, 0xff]),
        ("a number of more than 64 bits", [&[0x30][..], &[0xff; 10], &[1]].concat()),
        ("a basket that is a number", vec![0x08, 1]),
        ("a field number 0", vec![0x00, 1]),
        ("a wire type that nobody has", vec![0x0f]),
        ("a group that does not end", vec![0x0b]),
        ("a length of 4 GiB", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("text", b"{\"basket\": {}}".to_vec()),
    ] {
        let status = raw(&server, "/tokka.v1.PricingService/Quote", bytes).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status:?}");
        assert_eq!(status.get_details_error_info().expect("an ErrorInfo").reason, "MALFORMED_MESSAGE", "{name}");
    }
}

#[tokio::test]
async fn a_request_of_nothing_and_fields_of_tomorrow_are_messages() {
    let server = Running::shop().await;
    // No bytes are an empty request; field 1,000 is not known yet, and may not hurt.
    for bytes in [Vec::new(), vec![0xc0, 0x3e, 1]] {
        let status = raw(&server, "/tokka.v1.PricingService/Quote", bytes).await;
        assert_eq!(status.get_details_bad_request().expect("a BadRequest").field_violations[0].field, "basket");
    }
}

#[tokio::test]
async fn a_message_beyond_1_mib_is_refused() {
    let mut server = Running::shop().await;
    let mut request = masks();
    let long = (0..9_000).map(|n| line(&format!("{n:0>100}"), "mask-50", "pharma", 1, 1280)).collect();
    request.basket.as_mut().expect("a basket").lines = long;
    let status = server.quote(request).await.expect_err("too large");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").reason, "MESSAGE_TOO_LARGE");
}

#[tokio::test]
async fn calls_that_are_not_there_are_unimplemented() {
    let server = Running::shop().await;
    for path in ["/tokka.v1.PricingService/Haggle", "/tokka.v1.Nothing/At"] {
        assert_eq!(raw(&server, path, Vec::new()).await.code(), Code::Unimplemented);
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_that_names_it() {
    let server = Running::shop().await;
    let config = tokka_server::Config::new(server.address, server.folder.path());
    let error = tokka_server::serve(config, std::future::pending(), |_| {}).await.expect_err("taken");
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
}

/// Sends bytes as they are, and answers the refusal.
async fn raw(server: &Running, path: &'static str, bytes: Vec<u8>) -> Status {
    let mut client = Grpc::new(server.channel.clone());
    client.ready().await.expect("a connection");
    let path = http::uri::PathAndQuery::from_static(path);
    client.unary(Request::new(bytes), path, Bytes).await.map(|_| ()).expect_err("a refusal")
}

/// A codec that leaves bytes alone.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(into, &bytes);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        bytes::Buf::advance(from, bytes::Buf::remaining(from));
        Ok(Some(()))
    }
}
