//! Bodies: what a request brings, which may be neither too large nor too slow.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use tokio::time::timeout;

/// How long a body may take.
const WHOLE: Duration = Duration::from_mins(2);

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is larger than may be.
    TooLarge,
    /// It does not come.
    Slow,
    /// It broke off.
    Broken,
}

impl Unread {
    /// What it is called in an answer.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body of so many bytes at most, each part of which may take so long.
pub(super) async fn read(body: Body, most: usize, patience: Duration) -> Result<Vec<u8>, Unread> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > most {
        return Err(Unread::TooLarge);
    }
    let reading = async {
        let mut whole = Vec::with_capacity(announced);
        let mut parts = body.into_data_stream();
        while let Some(part) = timeout(patience, parts.next())
            .await
            .map_err(|_| Unread::Slow)?
        {
            let part = part.map_err(|_| Unread::Broken)?;
            if whole.len() + part.len() > most {
                return Err(Unread::TooLarge);
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole)
    };
    timeout(WHOLE, reading).await.map_err(|_| Unread::Slow)?
}

#[cfg(test)]
mod tests {
    use std::io;

    use axum::body::Bytes;
    use futures_util::stream;
    use tokio::time::sleep;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Parts of one byte, each of which takes so long.
    fn dripping(parts: u64, pace: Duration) -> Body {
        let parts = stream::iter(0..parts).then(move |_| async move {
            sleep(pace).await;
            Ok::<_, io::Error>(Bytes::from_static(b"x"))
        });
        Body::from_stream(parts)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_waited_for_but_not_for_ever() {
        let body = dripping(3, PATIENCE / 2);
        assert_eq!(read(body, 3, PATIENCE).await, Ok(b"xxx".to_vec()));
        let body = dripping(3, PATIENCE * 2);
        assert_eq!(read(body, 3, PATIENCE).await, Err(Unread::Slow));
        let body = dripping(1000, PATIENCE / 2);
        assert_eq!(read(body, 1000, PATIENCE).await, Err(Unread::Slow));
    }

    #[tokio::test]
    async fn no_more_is_read_than_may_be() {
        for body in [Body::from("four"), dripping(4, Duration::ZERO)] {
            assert_eq!(read(body, 3, PATIENCE).await, Err(Unread::TooLarge));
        }
        let broken = stream::iter([Err::<Bytes, _>(io::Error::from(io::ErrorKind::BrokenPipe))]);
        let broken = read(Body::from_stream(broken), 3, PATIENCE).await;
        assert_eq!(broken, Err(Unread::Broken));
    }
}
