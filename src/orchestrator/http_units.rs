//! The socket and the service of the HTTP face.
//!
//! A package puts its units into the system's directory. Where none did, they are written beside the servers' units; so
//! is the address, in a drop-in, where it is not the one in the socket's unit.

use std::net::SocketAddr;
use std::time::Duration;

use super::own_units::unit_path;
use super::{Error, Orchestrator};
use crate::frontend::http::Address;
use crate::host;
use crate::quadlet::keys::socket::LISTEN_STREAM;
use crate::quadlet::name::UnitName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::Text;
use crate::systemd::{ActiveState, LoadState};

const SOCKET: &str = "mcpod.socket";
const SERVICE: &str = "mcpod.service";
const SOCKET_TEXT: &str = include_str!("../../units/mcpod.socket");
const SERVICE_TEXT: &str = include_str!("../../units/mcpod.service");

/// Where the address lies.
const ADDRESS: &str = "mcpod.socket.d/address.conf";

/// Where packages install this program; the units name it.
const PACKAGED: &str = "/usr/bin/mcpod serve --http";

/// How long systemd may take to start or stop a socket, and to stop the service behind it.
const PATIENCE: Duration = Duration::from_secs(15);

impl Orchestrator {
    /// Writes the units where they are missing, enables the socket and starts it.
    pub async fn enable_http(&self, address: &Address) -> Result<(), Error> {
        let program = host::program()?;
        let lock = self.lock(|| {}).await?;
        for (path, text) in self.unpackaged(units(&program)?).await? {
            self.units.write(&lock, &path, &text)?;
        }
        let drop_in = unit_path(ADDRESS);
        if *address == Address::default() {
            self.units.remove(&lock, &drop_in)?;
        } else {
            self.units.write(&lock, &drop_in, &listening(address)?)?;
        }
        self.systemd.reload().await?;
        let socket = UnitName::from_systemd(SOCKET);
        // A socket that listens elsewhere keeps doing so until it is stopped.
        self.systemd
            .stop(&UnitName::from_systemd(SERVICE), PATIENCE)
            .await?;
        self.systemd.stop(&socket, PATIENCE).await?;
        self.systemd.enable(&[&socket]).await?;
        Ok(self.systemd.start(&socket, PATIENCE).await?)
    }

    /// Where the HTTP face is found: where systemd was told to listen, else where the settings say.
    pub fn http_address(&self) -> Result<Address, Error> {
        let told = self.units.read(&unit_path(ADDRESS))?;
        let told = told.and_then(|text| {
            let unit = UnitFile::parse(&text).ok()?;
            listened_on(&unit.get("Socket", "ListenStream")?.replace("%%", "%"))
        });
        Ok(told.unwrap_or_else(|| self.settings().http.address.clone()))
    }

    /// Where systemd listens for the HTTP face now, if it does.
    pub async fn http_listens(&self) -> Option<Address> {
        let status = self.systemd.status(&UnitName::from_systemd(SOCKET)).await;
        let status = status
            .inspect_err(|error| tracing::debug!(%error, "{SOCKET} is not known"))
            .ok()?;
        let socket = status
            .socket
            .filter(|_| status.active == ActiveState::Active)?;
        socket
            .listens
            .iter()
            .find_map(|address| listened_on(address))
    }

    /// Stops the socket and the service, disables the socket and takes away the units that enabling it wrote.
    pub async fn disable_http(&self) -> Result<(), Error> {
        let lock = self.lock(|| {}).await?;
        let socket = UnitName::from_systemd(SOCKET);
        if self.systemd.status(&socket).await?.load != LoadState::NotFound {
            self.systemd.stop(&socket, PATIENCE).await?;
            self.systemd
                .stop(&UnitName::from_systemd(SERVICE), PATIENCE)
                .await?;
            self.systemd.disable(&[&socket]).await?;
        }
        for name in [SOCKET, SERVICE, ADDRESS] {
            self.units.remove(&lock, &unit_path(name))?;
        }
        Ok(self.systemd.reload().await?)
    }
}

/// An address in systemd's words.
fn listened_on(address: &str) -> Option<Address> {
    if address.starts_with('/') {
        return format!("unix:{address}").parse().ok();
    }
    address.parse().ok()
}

/// The units, for this program wherever it lies.
pub(super) fn units(program: &str) -> Result<[(&'static str, String); 2], Error> {
    Ok([
        (SOCKET, SOCKET_TEXT.to_owned()),
        (SERVICE, service(program)?),
    ])
}

/// The service for this program, wherever it lies.
fn service(program: &str) -> Result<String, Error> {
    let command = crate::guard::command_line(&[program, "serve", "--http"])?;
    Ok(SERVICE_TEXT.replace(PACKAGED, &command))
}

/// The drop-in of the socket with its address.
fn listening(address: &Address) -> Result<String, Error> {
    let (listen, mode) = match address {
        // Digits, dots, colons and brackets alone.
        Address::Tcp(tcp) => (SocketAddr::new(tcp.ip(), tcp.port()).to_string(), ""),
        Address::Unix(path) => {
            let mut unit = UnitFile::new();
            let path = Text::from(&*path.display().to_string());
            unit.push(LISTEN_STREAM, &path)?;
            let path = unit.get("Socket", "ListenStream").unwrap_or_default();
            (path.to_owned(), "SocketMode=0600\n")
        }
    };
    // The empty line takes the packaged address away.
    Ok(format!(
        "[Socket]\nListenStream=\nListenStream={listen}\n{mode}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_runs_the_program_where_it_lies() {
        let text = service("/opt/my tools/mcpod").unwrap();
        assert!(
            text.contains("\nExecStart=\"/opt/my tools/mcpod\" serve --http\n"),
            "{text}"
        );
        assert_eq!(service("/usr/bin/mcpod").unwrap(), SERVICE_TEXT);
    }

    #[test]
    fn the_socket_listens_where_it_is_told_to() {
        let tcp = "[::1]:9000".parse().unwrap();
        insta::assert_snapshot!(listening(&tcp).unwrap(), @r"
        [Socket]
        ListenStream=
        ListenStream=[::1]:9000
        ");
        let unix = "unix:/run/user/1000/a%b/m.sock".parse().unwrap();
        insta::assert_snapshot!(listening(&unix).unwrap(), @r"
        [Socket]
        ListenStream=
        ListenStream=/run/user/1000/a%%b/m.sock
        SocketMode=0600
        ");
        assert!(listening(&"unix:relative".parse().unwrap()).is_err());
    }
}
