//! Consent: what an agent may add by itself, what the user is asked about, what is refused.

use rmcp::model::{
    CancelledNotificationParam, ClientResult, CustomNotification, ElicitRequest,
    ElicitRequestParams, ElicitationAction, ElicitationSchema, JsonObject, ServerNotification,
    ServerRequest,
};
use rmcp::service::{
    ElicitationMode, PeerRequestOptions, RequestContext, RoleServer, ServiceError,
};
use serde_json::{Value, json};

use super::answer::Failure;
use super::wish::CURATED;
use crate::settings::AgentAdd;

/// Why the user is asked where the settings say so.
pub(super) const SETTINGS_ASK: &str = "the settings ask for it";

/// What an agent wants to add, as far as consent depends on it.
#[derive(Debug, Default, Clone)]
pub(super) struct Wish {
    /// The entry's source; none for what is in no catalog.
    pub(super) source: Option<String>,
    /// Whether the source itself says how the entry is run.
    pub(super) declared: bool,
    /// What is wanted beyond what is declared, in words.
    pub(super) wider: Vec<String>,
}

/// What becomes of a wish.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is granted.
    Granted,
    /// The user decides, for these reasons.
    Ask(Vec<String>),
    /// It is refused.
    Refused,
}

impl Wish {
    /// Decides by the policy.
    pub(super) fn verdict(&self, policy: AgentAdd) -> Verdict {
        let mut reasons = self.wider.clone();
        match (&self.source, policy) {
            (_, AgentAdd::Deny) => return Verdict::Refused,
            (_, AgentAdd::Ask) => reasons.push(SETTINGS_ASK.to_owned()),
            (None, _) => reasons.push("it is in no catalog".to_owned()),
            (Some(source), AgentAdd::Curated) if !CURATED.contains(&source.as_str()) => {
                reasons.push(format!("its source, {source}, is not curated"));
            }
            (Some(_), AgentAdd::Curated | AgentAdd::Catalog) => {}
        }
        if self.source.is_some() && !self.declared {
            reasons.push("how it runs was guessed".to_owned());
        }
        if reasons.is_empty() {
            Verdict::Granted
        } else {
            Verdict::Ask(reasons)
        }
    }
}

/// Whether the agent can ask its user.
pub(super) fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    context
        .peer
        .supported_elicitation_modes()
        .contains(&ElicitationMode::Form)
}

/// Whether the agent can have its user open a page.
pub(super) fn can_open(context: &RequestContext<RoleServer>) -> bool {
    let modes = context.peer.supported_elicitation_modes();
    modes.contains(&ElicitationMode::Url)
}

/// Has the user open a page; this returns when they agreed to, not when they are done there.
pub(super) async fn open(
    context: &RequestContext<RoleServer>,
    message: &str,
    url: &str,
    id: &str,
) -> Result<(), Failure> {
    let params = ElicitRequestParams::UrlElicitationParams {
        meta: None,
        message: message.to_owned(),
        url: url.to_owned(),
        elicitation_id: id.to_owned(),
    };
    asked(context, params).await.map(drop)
}

/// What the user answers to a question, if not that they will not.
async fn asked(
    context: &RequestContext<RoleServer>,
    params: ElicitRequestParams,
) -> Result<Option<Value>, Failure> {
    let cannot = |error| Failure::new(format!("the user cannot be asked: {error}"));
    let request = ServerRequest::ElicitRequest(ElicitRequest::new(params));
    let sent = context
        .peer
        .send_cancellable_request(request, PeerRequestOptions::no_options())
        .await
        .map_err(cannot)?;
    let (peer, id) = (sent.peer.clone(), sent.id.clone());
    let answer = tokio::select! {
        answer = sent.await_response() => answer.map_err(cannot)?,
        () = context.ct.cancelled() => {
            // Nobody is to answer a question that nobody asks any more.
            let params = CancelledNotificationParam::new(Some(id), None);
            let taken_back = peer.notify_cancelled(params).await;
            if let Err(error) = taken_back {
                tracing::debug!(%error, "a question is not taken back");
            }
            return Err(Failure::new("cancelled"));
        }
    };
    let ClientResult::ElicitResult(answer) = answer else {
        return Err(cannot(ServiceError::UnexpectedResponse));
    };
    match answer.action {
        ElicitationAction::Accept => Ok(answer.content),
        ElicitationAction::Decline => Err(Failure::new("the user was asked and declined")),
        _ => Err(Failure::new(
            "the user was asked, and the question was closed without an answer",
        )),
    }
}

/// Tells the agent that its user is done on a page (2025-11-25, `notifications/elicitation/complete`).
pub(super) async fn opened(context: &RequestContext<RoleServer>, id: &str) {
    let params = json!({ "elicitationId": id });
    let method = "notifications/elicitation/complete";
    let complete = CustomNotification::new(method, Some(params));
    let told = context
        .peer
        .send_notification(ServerNotification::CustomNotification(complete));
    if let Err(error) = told.await {
        tracing::debug!(%error, "the agent does not hear that its user is done");
    }
}

/// Asks the user yes or no about what an agent wants, and says why; `command` is what would be done, and what the user
/// can run instead where the agent cannot ask.
pub(super) async fn ask(
    context: &RequestContext<RoleServer>,
    wanted: &str,
    reasons: &[String],
    command: &str,
) -> Result<(), Failure> {
    // Whatever is quoted in them, they are one paragraph: nothing in it can pass for its end.
    let wanted = crate::text::one_line(wanted);
    let reasons = crate::text::one_line(&reasons.join(", and "));
    let command = crate::text::one_line(command);
    let run = format!("the user can run it: {command}");
    if !can_ask(context) {
        let message = format!("{wanted}. Only the user can allow this, because {reasons}");
        return Err(Failure::new(message).next(run));
    }
    let question =
        format!("{wanted}. You are asked because {reasons}. It is as if you ran: {command}");
    let properties = json!({"allow": {"type": "boolean", "title": "Allow", "default": false}});
    let answer = form(context, &question, &properties, &["allow"]).await;
    let answer = answer.map_err(|failure| failure.next(run.clone()))?;
    if answer.get("allow") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    Err(Failure::new("the user did not allow it").next(run))
}

/// Asks the user to fill in a form: properties as JSON schemas of plain values.
pub(super) async fn form(
    context: &RequestContext<RoleServer>,
    message: &str,
    properties: &Value,
    required: &[&str],
) -> Result<JsonObject, Failure> {
    let schema = json!({"type": "object", "properties": properties, "required": required});
    let schema: ElicitationSchema = serde_json::from_value(schema)
        .map_err(|error| Failure::new(format!("the user cannot be asked: {error}")))?;
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: schema,
    };
    match asked(context, params).await? {
        Some(Value::Object(filled)) => Ok(filled),
        _ => Ok(JsonObject::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(source: Option<&str>, declared: bool, wider: &[&str]) -> Wish {
        Wish {
            source: source.map(str::to_owned),
            declared,
            wider: wider.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn only_what_is_curated_and_declared_goes_by_itself() {
        use AgentAdd::{Ask, Catalog, Curated, Deny};
        for (wish, policy, granted) in [
            (wish(Some("builtin"), true, &[]), Curated, true),
            (wish(Some("docker"), true, &[]), Curated, true),
            (wish(Some("official"), true, &[]), Curated, true),
            (wish(Some("awesome"), true, &[]), Curated, false),
            (wish(Some("awesome"), true, &[]), Catalog, true),
            (wish(Some("builtin"), false, &[]), Curated, false),
            (wish(Some("builtin"), false, &[]), Catalog, false),
            (wish(Some("builtin"), true, &["network"]), Curated, false),
            (wish(Some("builtin"), true, &["network"]), Catalog, false),
            (wish(None, true, &[]), Catalog, false),
            (wish(Some("builtin"), true, &[]), Ask, false),
        ] {
            let verdict = wish.verdict(policy);
            assert_eq!(verdict == Verdict::Granted, granted, "{wish:?} {policy:?}");
            assert_ne!(verdict, Verdict::Refused);
        }
        let refused = wish(Some("builtin"), true, &[]).verdict(Deny);
        assert_eq!(refused, Verdict::Refused);
    }
}
