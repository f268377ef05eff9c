//! What the kernel tells of a socket by its inode (sock_diag(7)), without touching the process that holds it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

/// The kernel answers while it takes the question; this is for the case that it does not.
const ANSWER: Duration = Duration::from_secs(1);

// linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h
const HEADER_LENGTH: u32 = 16;
const REQUEST_LENGTH: u32 = 24;
const NLMSG_ERROR: u16 = 2;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_UNIX: u8 = 1;
const UDIAG_SHOW_NAME: u32 = 1;
const UNIX_DIAG_NAME: u16 = 0;
const UNIX_DIAG_SHUTDOWN: u16 = 6;
const TCP_LISTEN: u8 = 10;
/// `RCV_SHUTDOWN | SEND_SHUTDOWN`: what both ends of a connection come to when one of them is closed, by whom and however.
const SHUT_BOTH_WAYS: u8 = 3;

/// A unix socket, as the kernel sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnixSocket {
    /// Its name in the file system: for a connection that was accepted, the name of the socket that listened.
    pub(super) path: Option<PathBuf>,
    /// It waits for connections and is none itself.
    pub(super) listens: bool,
    /// Nothing can come or go any more: the other end is closed.
    pub(super) hung_up: bool,
}

/// Finds a unix socket by its inode.
///
/// An error of the kind `NotFound` means that there is none of that inode in our network namespace, or that the kernel was built
/// without this question (`CONFIG_UNIX_DIAG`); it says the same to both.
pub(super) fn look(inode: u32) -> io::Result<UnixSocket> {
    // A socket for each question, so that no late answer to another one can be taken for this one's.
    let netlink = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )?;
    set_socket_timeout(netlink.as_fd(), Timeout::Recv, Some(ANSWER))?;
    sendto(
        netlink.as_fd(),
        &request(inode),
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut answer = [0; 4096];
    let (_, length) = recv(netlink.as_fd(), &mut answer, RecvFlags::empty())?;
    parse(answer.get(..length).unwrap_or_default())
}

/// `struct nlmsghdr` and `struct unix_diag_req`.
fn request(inode: u32) -> Vec<u8> {
    let any_state = u32::MAX;
    let any_cookie = [u32::MAX; 2];
    [
        &(HEADER_LENGTH + REQUEST_LENGTH).to_ne_bytes()[..],
        &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
        &NLM_F_REQUEST.to_ne_bytes(),
        &0_u32.to_ne_bytes(), // sequence
        &0_u32.to_ne_bytes(), // port
        &[AF_UNIX, 0, 0, 0],
        &any_state.to_ne_bytes(),
        &inode.to_ne_bytes(),
        &UDIAG_SHOW_NAME.to_ne_bytes(),
        &any_cookie[0].to_ne_bytes(),
        &any_cookie[1].to_ne_bytes(),
    ]
    .concat()
}

/// Reads `struct nlmsghdr` and what stands behind it: an error, or `struct unix_diag_msg` and its attributes.
fn parse(answer: &[u8]) -> io::Result<UnixSocket> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let mut rest = answer;
    let _length = take::<4>(&mut rest).ok_or_else(malformed)?;
    let kind = u16::from_ne_bytes(take(&mut rest).ok_or_else(malformed)?);
    let _flags_sequence_port = take::<10>(&mut rest).ok_or_else(malformed)?;
    match kind {
        NLMSG_ERROR => {
            let code = i32::from_ne_bytes(take(&mut rest).ok_or_else(malformed)?);
            Err(io::Error::from_raw_os_error(code.saturating_neg()))
        }
        SOCK_DIAG_BY_FAMILY => {
            let [_family, _type, state, _pad] = take(&mut rest).ok_or_else(malformed)?;
            let _inode_cookie = take::<12>(&mut rest).ok_or_else(malformed)?;
            let mut socket = UnixSocket {
                path: None,
                listens: state == TCP_LISTEN,
                hung_up: false,
            };
            while let Some((attribute, value)) = attribute(&mut rest) {
                match (attribute, value) {
                    (UNIX_DIAG_NAME, name) => socket.path = path(name),
                    (UNIX_DIAG_SHUTDOWN, &[shutdown]) => {
                        socket.hung_up = shutdown == SHUT_BOTH_WAYS;
                    }
                    _ => {}
                }
            }
            Ok(socket)
        }
        _ => Err(malformed()),
    }
}

/// Takes `struct nlattr` and its value, with the bytes that fill it up to a multiple of four.
fn attribute<'a>(rest: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
    let length = usize::from(u16::from_ne_bytes(take(rest)?));
    let kind = u16::from_ne_bytes(take(rest)?);
    let (value, behind) = rest.split_at_checked(length.checked_sub(4)?)?;
    let padding = length.next_multiple_of(4) - length;
    *rest = behind.get(padding..).unwrap_or_default();
    Some((kind, value))
}

/// A name without the NUL behind it; none for an abstract one, which begins with a NUL.
fn path(name: &[u8]) -> Option<PathBuf> {
    let name = name.split(|&byte| byte == 0).next()?;
    (!name.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(name)))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::{UnixListener, UnixStream};

    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::super::tests::eventually;
    use super::*;

    fn inode(socket: impl std::os::fd::AsFd) -> u32 {
        let file = std::fs::File::from(socket.as_fd().try_clone_to_owned().unwrap());
        u32::try_from(file.metadata().unwrap().ino()).unwrap()
    }

    #[test]
    fn the_kernel_tells_name_and_state() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("time.sock");
        let listener = UnixListener::bind(&name).unwrap();
        let client = UnixStream::connect(&name).unwrap();
        let (server, _) = listener.accept().unwrap();

        let mut expected = UnixSocket {
            path: Some(name),
            listens: false,
            hung_up: false,
        };
        assert_eq!(look(inode(&server)).unwrap(), expected);
        assert_eq!(look(inode(&client)).unwrap().path, None);
        assert!(look(inode(&listener)).unwrap().listens);

        // A client that will say no more still listens.
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(look(inode(&server)).unwrap(), expected);
        let copy = client.try_clone().unwrap();
        drop(client);
        assert_eq!(look(inode(&server)).unwrap(), expected);
        drop(copy);
        expected.hung_up = true;
        eventually(|| look(inode(&server)).unwrap() == expected);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let (one, other) = UnixStream::pair().unwrap();
        let gone = inode(&one);
        assert_eq!(look(gone).unwrap().path, None);
        drop((one, other));
        eventually(|| look(gone).is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
        let file = tempfile::tempfile().unwrap();
        assert!(look(inode(&file)).is_err());
    }

    #[test]
    fn a_recorded_answer_is_read() {
        let mut answer = [
            &68_u32.to_ne_bytes()[..],
            &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
            &[0; 10],
            &[AF_UNIX, 1, 1, 0],
            &[9; 12],
            &[9, 0, 0, 0],
            b"/a/b\0\0\0\0",
            &[5, 0, 77, 0, 1, 0, 0, 0],
            &[5, 0, 6, 0, 3, 0, 0, 0],
        ]
        .concat();
        let socket = parse(&answer).unwrap();
        assert_eq!(socket.path.as_deref(), Some("/a/b".as_ref()));
        assert!(socket.hung_up && !socket.listens);
        // Shut down in one direction.
        let at = answer.len() - 4;
        answer[at] = 1;
        assert!(!parse(&answer).unwrap().hung_up);
        answer.truncate(20);
        assert_eq!(
            parse(&answer).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in vec(any::<u8>(), 0..100), kind in 0..30_u16) {
            parse(&bytes).ok();
            parse(&[&[0; 4][..], &kind.to_ne_bytes(), &[0; 10], &bytes].concat()).ok();
        }
    }
}
