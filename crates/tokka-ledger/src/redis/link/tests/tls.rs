//! Does a link trust whom it should, and nobody else?

use tokka_rig::Tls;

use super::*;

async fn refusal(url: &str) -> String {
    let url: StoreUrl = url.parse().expect("a URL");
    Link::open(&url, LinkConfig::default()).await.expect_err("not trusted").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_trusted_if_its_authority_is_named() {
    let redis = Redis::with(Options { password: Some("pw".to_owned()), tls: Some(Tls::Server), ..Options::default() });
    let (port, files) = redis.tls().expect("TLS");
    let ca = files.authority.display();
    let url: StoreUrl = format!("{}?ca={ca}", redis.url()).parse().expect("a URL");
    let link = Link::open(&url, config()).await.expect("a link");
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));

    // The authority was made a moment ago: no system knows it.
    let why = refusal(&redis.url()).await;
    assert!(why.contains("TLS: invalid peer certificate: UnknownIssuer") || why.contains("no certificates to trust"), "{why}");
    // Of 127.0.0.1 and localhost, and of no other address of this machine.
    let why = refusal(&format!("rediss://:pw@127.0.0.2:{port}?ca={ca}")).await;
    assert!(why.contains("is not reached"), "{why}");
    let why = refusal(&format!("{}?ca=/nowhere/ca.pem", redis.url())).await;
    assert!(why.contains("certificates of `/nowhere/ca.pem` cannot be read"), "{why}");
    let key = files.server_key.display();
    let why = refusal(&format!("{}?ca={key}", redis.url())).await;
    assert!(why.contains(&format!("`{key}` holds no certificate")), "{why}");
    // The port without TLS speaks none, and the one with it nothing else.
    let why = refusal(&format!("rediss://:pw@127.0.0.1:{}?ca={ca}", redis.port())).await;
    assert!(why.contains("is not reached"), "{why}");
    let why = refusal(&format!("redis://:pw@127.0.0.1:{port}")).await;
    assert!(why.contains("is not reached"), "{why}");
}
