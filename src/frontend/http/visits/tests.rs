use futures_util::FutureExt as _;

use super::*;
use crate::frontend::Shape;
use crate::frontend::tests::Place;

async fn frontend() -> (Place, Arc<Frontend>) {
    let place = Place::with(&[]).await;
    let frontend = Frontend::start(place.orchestrator(), Shape::All).await;
    (place, frontend.unwrap())
}

fn session(visits: &Visits, frontend: &Arc<Frontend>) -> (String, Arc<Visit>) {
    let version = ProtocolVersion::V_2025_11_25;
    visits.begin(&None, frontend, version).unwrap()
}

#[tokio::test]
async fn a_visit_is_closed_even_if_nobody_waits_for_that() {
    let (_place, frontend) = frontend().await;
    let visits = Visits::new(8, Duration::from_mins(5));
    let (id, visit) = session(&visits, &frontend);
    // A session with a server, which takes a while to be closed.
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"registry-active"}}"#;
    visit.agent.take(Frame::parse(call).unwrap()).await;
    let mut standing = visit.streams.stand().unwrap();
    let ended = visits.end(&id, &None).unwrap();
    assert!(Box::pin(ended.close()).now_or_never().is_none());
    while standing.next().await.is_some() {}
    // Nobody keeps it any more.
    let agent = Arc::downgrade(&visit.agent);
    drop((visit, ended));
    while agent.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}
