use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn addresses_are_read_and_shown() {
    for (text, shown) in [
        ("127.0.0.1:9000", "127.0.0.1:9000"),
        ("127.0.0.1", "127.0.0.1:8931"),
        ("localhost:1", "127.0.0.1:1"),
        ("::1", "[::1]:8931"),
        ("[::]:80", "[::]:80"),
        ("unix:/run/x.sock", "unix:/run/x.sock"),
    ] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
    }
    for text in ["", "unix:", "example.com:80", "127.0.0.1:99999", "/run/x"] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
    assert_eq!(Address::default().to_string(), "127.0.0.1:8931");
}

#[tokio::test]
async fn other_hosts_are_not_listened_to_unless_that_is_asked_for() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let error = Listener::bind(&everywhere, &Protection::Loopback)
        .await
        .unwrap_err();
    assert!(matches!(error, ListenError::Exposed { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--tls-cert"));
    let listener = Listener::bind(&everywhere, &Protection::Insecure)
        .await
        .unwrap();
    assert!(listener.tcp().is_some() && !listener.has_tls());
}

#[tokio::test]
async fn a_unix_socket_is_its_owners_alone_and_goes_with_its_listener() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let address = Address::Unix(path.clone());
    let listener = Listener::bind(&address, &Protection::Loopback)
        .await
        .unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = Listener::bind(&address, &Protection::Loopback)
        .await
        .unwrap_err();
    assert!(matches!(second, ListenError::InUse { .. }), "{second}");
    drop(listener);
    assert!(!path.exists());
    // What a killed process leaves is replaced; what is no socket is not.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    drop(
        Listener::bind(&address, &Protection::Loopback)
            .await
            .unwrap(),
    );
    std::fs::write(&path, "precious").unwrap();
    Listener::bind(&address, &Protection::Loopback)
        .await
        .unwrap_err();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn what_is_no_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("cert.pem");
    std::fs::write(&certificate, "nothing").unwrap();
    let protection = Protection::Tls {
        certificate: certificate.clone(),
        key: certificate,
    };
    let address = "127.0.0.1:0".parse().unwrap();
    let error = Listener::bind(&address, &protection).await.unwrap_err();
    assert!(error.to_string().contains("cert.pem"), "{error}");
}

#[test]
fn systemd_listens_on_one_socket_for_this() {
    assert!(!is_inherited(0).unwrap() && is_inherited(1).unwrap());
    let error = is_inherited(2).unwrap_err();
    assert!(error.to_string().contains("2 sockets"), "{error}");
    assert!(error.hint().unwrap().contains("ListenStream="));
    // Who adds an address to the unit that is shipped has added a socket.
    let unit = include_str!("../../../../units/mcpod.socket");
    assert_eq!(unit.matches("\nListenStream=").count(), 1);
    assert!(unit.contains("\nSocketMode=0600\n"));
}
