//! The registry tools, called as an agent calls them.

use super::*;

/// Calls a registry tool; gives its result.
pub(super) async fn call(agent: &mut Client, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    let answer = agent.ask(50, "tools/call", params).await;
    assert!(answer["error"].is_null(), "{answer}");
    answer["result"].clone()
}

/// The text of a result that is a tool error.
pub(super) fn failed(result: &Value) -> String {
    assert_eq!(result["isError"], true, "{result}");
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_tool_says_what_it_is_and_takes() {
    let place = Place::with(&[]).await;
    let mut agent = place.agent(Shape::Lazy).await;
    let tools = agent.ask(1, "tools/list", json!({})).await["result"]["tools"].clone();
    let tools = tools.as_array().unwrap();
    let names: Vec<&str> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "registry-accept",
            "registry-active",
            "registry-add",
            "registry-config-set",
            "registry-exec",
            "registry-find",
            "registry-get-docs",
            "registry-launch-stdio",
            "registry-list",
            "registry-refresh",
            "registry-remove",
            "registry-status"
        ]
    );
    for tool in tools {
        let name = &tool["name"];
        assert!(tool["description"].as_str().unwrap().len() > 60, "{name}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{name}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{name}");
        assert!(tool["inputSchema"]["properties"].is_object(), "{name}");
        // A failure fits the schema as well: there are clients that look.
        let output = &tool["outputSchema"];
        if name != "registry-exec" {
            assert!(output["required"].is_null(), "{name}");
            let missing = &output["properties"]["error"]["properties"]["missing"];
            assert_eq!(missing["type"], "array", "{name}");
        }
        for property in tool["inputSchema"]["properties"]
            .as_object()
            .into_iter()
            .flatten()
        {
            assert!(!property.1["type"].is_array(), "{name} {property:?}");
        }
        for unwanted in ["$ref", "\"format\""] {
            assert!(!tool.to_string().contains(unwanted), "{name} {unwanted}");
        }
        for (property, schema) in tool["inputSchema"]["properties"]
            .as_object()
            .into_iter()
            .flatten()
        {
            assert!(schema["description"].is_string(), "{name} {property}");
        }
        for hint in [
            "readOnlyHint",
            "destructiveHint",
            "idempotentHint",
            "openWorldHint",
        ] {
            assert!(tool["annotations"][hint].is_boolean(), "{name} {hint}");
        }
    }
}

#[tokio::test]
async fn servers_and_tools_are_found() {
    let place = Place::with(&["mcpod-clock.socket"]).await;
    let mut clock = tool("convert_time");
    clock["description"] = json!("Convert a time between\nzones");
    let clock_takes = clock["inputSchema"].clone();
    place.server("clock", &json!({"tools": [clock]}));
    let unit = place.path("config/systemd/user/mcpod-clock.socket");
    let text = std::fs::read_to_string(&unit).unwrap();
    let text = text.replace("Id=test:clock", "Id=builtin:time");
    std::fs::write(&unit, text).unwrap();
    let mut agent = place.agent(Shape::All).await;
    let found = call(
        &mut agent,
        "registry-find",
        json!({"query": "time zones", "limit": 3}),
    )
    .await;
    let servers = found["structuredContent"]["servers"].as_array().unwrap();
    assert_eq!(servers[0]["id"], "builtin:time");
    assert!(servers.len() <= 3);
    assert!(
        found["content"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("builtin:time: ")
    );
    let found = call(
        &mut agent,
        "registry-find",
        json!({"query": "convert time", "what": "tools"}),
    )
    .await;
    let tool = &found["structuredContent"]["tools"][0];
    assert_eq!(tool["name"], "clock__convert_time");
    assert_eq!(tool["description"], "Convert a time between zones");
    assert_eq!(tool["input_schema"], clock_takes);
    let read = found["content"][0]["text"].as_str().unwrap();
    assert!(
        read.contains(&format!("arguments: {clock_takes}")),
        "{read}"
    );
    // What is active is found as it can be called, and not once more as it could be added.
    let tools = found["structuredContent"]["tools"].as_array().unwrap();
    assert!(
        tools.iter().all(|tool| tool["add"] != "builtin:time"),
        "{found}"
    );
    let docs = call(&mut agent, "registry-get-docs", json!({"id": "time"})).await;
    assert_eq!(docs["structuredContent"]["id"], "builtin:time");
    let page = call(
        &mut agent,
        "registry-list",
        json!({"limit": 2, "offset": 1}),
    )
    .await;
    assert_eq!(
        page["structuredContent"]["servers"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let active = call(&mut agent, "registry-active", json!({})).await;
    assert_eq!(
        active["structuredContent"]["servers"][0]["tools"],
        json!(["clock__convert_time"])
    );
}

#[tokio::test]
async fn what_goes_wrong_names_the_next_step() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    place.server("one", &json!({"tools": [tool("do_it")]}));
    let mut agent = place.agent(Shape::All).await;
    for (tool, arguments, message, next) in [
        (
            "registry-get-docs",
            json!({"id": "tiem"}),
            "has no server \"tiem\"",
            "did you mean builtin:time",
        ),
        (
            "registry-find",
            json!({"limit": "x"}),
            "arguments do not fit: limit: ",
            "input schema",
        ),
        (
            "registry-find",
            json!({"categories": ["x y"]}),
            "",
            "registry-list names",
        ),
        (
            "registry-exec",
            json!({"tool": "one__do_if"}),
            "no active server has a tool",
            "did you mean one__do_it?",
        ),
        (
            "registry-exec",
            json!({"tool": "do", "server": "two"}),
            "no server named \"two\"",
            "active are: one",
        ),
        (
            "registry-exec",
            json!({"tool": [7]}),
            "arguments do not fit: tool: ",
            "input schema",
        ),
        (
            "registry-status",
            json!({"name": "onee"}),
            "no server named",
            "did you mean one",
        ),
        (
            "registry-remove",
            json!({"name": "zzz"}),
            "no server named",
            "registry-active lists",
        ),
        (
            "registry-add",
            json!({"id": "zzzzzzzzzzzz"}),
            "has no server",
            "registry-find finds",
        ),
        (
            "registry-add",
            json!({"id": "time", "options": {"x": 1}}),
            "no input \"x\"",
            "Next: ",
        ),
        (
            "registry-refresh",
            json!({"sources": ["nowhere"]}),
            "nowhere",
            "Next: ",
        ),
        (
            "registry-launch-stdio",
            json!({"name": "x", "command": ["ls"]}),
            "do not let agents",
            "allow_host_commands",
        ),
    ] {
        let text = failed(&call(&mut agent, tool, arguments.clone()).await);
        assert!(text.contains(message), "{tool} {arguments}: {text}");
        assert!(text.contains(next), "{tool} {arguments}: {text}");
    }
}

#[tokio::test]
async fn what_would_be_lost_or_find_nothing_is_told() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    place.server("one", &json!({"tools": [tool("do_it")]}));
    let mut agent = place.agent(Shape::All).await;
    for (tool, arguments, message, next) in [
        (
            "registry-exec",
            json!({"tool": "one__do_it", "city": "Rome"}),
            "unknown field `city`",
            "input schema",
        ),
        (
            "registry-exec",
            json!({"tool": "one__do_it", "arguments": "Rome"}),
            "arguments: ",
            "input schema",
        ),
        (
            "registry-exec",
            json!({"tool": "registry-add", "arguments": {"id": "time"}}),
            "is a tool of this registry",
            "call it directly",
        ),
        (
            "registry-find",
            json!({"sources": ["dokcer"]}),
            "no source \"dokcer\"",
            "the sources are builtin",
        ),
    ] {
        let text = failed(&call(&mut agent, tool, arguments.clone()).await);
        assert!(text.contains(message), "{tool} {arguments}: {text}");
        assert!(text.contains(next), "{tool} {arguments}: {text}");
    }
}

#[tokio::test]
async fn what_is_in_no_catalog_is_for_the_user_to_allow() {
    let place = Place::with(&[]).await;
    let mut silent = place.agent(Shape::All).await;
    silent.initialize(json!({})).await;
    let wish = json!({"id": "docker://example.com/x", "name": "x"});
    let text = failed(&call(&mut silent, "registry-add", wish.clone()).await);
    assert!(text.contains("Only the user can allow this"), "{text}");
    assert!(
        text.contains("mcpod add docker://example.com/x --name x"),
        "{text}"
    );

    let mut asking = place.agent(Shape::All).await;
    asking.initialize(json!({"elicitation": {}})).await;
    for (answer, expected) in [
        (json!({"action": "decline"}), "declined"),
        (
            json!({"action": "accept", "content": {"allow": false}}),
            "did not allow",
        ),
        // Then it goes on to Podman, which this place has not.
        (
            json!({"action": "accept", "content": {"allow": true}}),
            "odman",
        ),
    ] {
        let params = json!({"name": "registry-add", "arguments": wish});
        asking.send(9, "tools/call", params).await;
        let question = asking.message().await;
        assert_eq!(question["method"], "elicitation/create");
        let message = question["params"]["message"].as_str().unwrap();
        assert!(
            message.contains("docker.io") || message.contains("example.com/x"),
            "{message}"
        );
        asking.speaker.answer(&question["id"], &answer).await;
        let answer = asking.message().await;
        assert_eq!(answer["id"], 9);
        let text = failed(&answer["result"]);
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[tokio::test]
async fn a_command_of_the_host_is_for_the_user_to_allow_even_where_the_settings_do() {
    let mut place = Place::with(&[]).await;
    place.settings.policy.allow_host_commands = true;
    let mut agent = place.agent(Shape::All).await;
    let wish = json!({"name": "x", "command": ["env", "it's"]});
    let text = failed(&call(&mut agent, "registry-launch-stdio", wish).await);
    assert!(text.contains("Only the user can allow this"), "{text}");
    assert!(text.contains("in no container"), "{text}");
    assert!(text.contains("mcpod add 'command:env "), "{text}");
    for bad in [json!([]), json!(["./x"]), json!(["-x"])] {
        let wish = json!({"name": "x", "command": bad});
        let text = failed(&call(&mut agent, "registry-launch-stdio", wish).await);
        assert!(text.contains("program"), "{text}");
    }
    // Nor is there a way around.
    let text = failed(&call(&mut agent, "registry-add", json!({"id": "command:env"})).await);
    assert!(text.contains("registry-launch-stdio"), "{text}");
}

#[tokio::test]
async fn the_settings_can_forbid_it() {
    let mut place = Place::with(&["mcpod-one.socket"]).await;
    place.settings.policy.agent_add = crate::settings::AgentAdd::Deny;
    place.server("one", &json!({}));
    let mut agent = place.agent(Shape::All).await;
    let text = failed(&call(&mut agent, "registry-add", json!({"id": "time"})).await);
    assert!(
        text.contains("do not let agents add") && text.contains("mcpod add time"),
        "{text}"
    );
    let text = failed(&call(&mut agent, "registry-remove", json!({"name": "one"})).await);
    assert!(text.contains("mcpod remove one"), "{text}");
}

#[tokio::test]
async fn others_are_answered_while_the_catalog_is_read() {
    let mut place = Place::with(&[]).await;
    let entries = (0..300).map(|number| {
        format!("[[server]]\nname = \"entry-{number}\"\n[[server.launch]]\nimage = \"docker.io/x/entry-{number}\"\n")
    });
    std::fs::write(place.path("catalog.toml"), entries.collect::<String>()).unwrap();
    let extra = format!(
        "[[extra]]\nname = 'made'\nkind = 'toml'\nurl = '{}'\n",
        place.path("catalog.toml").display()
    );
    place.settings.sources = toml::from_str(&extra).unwrap();
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let params = json!({"name": "registry-refresh", "arguments": {"sources": ["made"]},
        "_meta": {"progressToken": "p"}});
    agent.send(1, "tools/call", params).await;
    loop {
        let told = agent.message().await;
        assert_eq!(told["method"], "notifications/progress", "{told}");
        if told["params"]["message"] == "indexing" {
            break;
        }
    }
    agent.send(2, "ping", json!({})).await;
    let mut answered = Vec::new();
    while answered.last().is_none_or(|last: &Value| last["id"] != 1) {
        let message = agent.message().await;
        if !message["id"].is_null() {
            answered.push(message);
        }
    }
    let [ping, refreshed] = answered.as_slice() else {
        panic!("the ping waited: {answered:?}");
    };
    assert_eq!(ping["id"], 2);
    let text = refreshed["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("made: 300 servers"), "{text}");
}
