//! Arguments, and what must not become one.

use super::*;

#[test]
fn arguments_of_every_form() {
    let made = || {
        Made::default()
            .input("paths", paths)
            .input("p.data", |_| {})
            .input("port", |input| input.kind = InputKind::Integer)
    };
    let two = || made().set("paths", "/a").set("paths", "/b c");
    for (made, args) in [
        (made().arg("stdio"), vec!["stdio"]),
        (made().arg("{{p.data}}").set("p.data", "x y"), vec!["x y"]),
        (made().arg("{{p.data}}"), vec![]),
        (
            two().arg("{{paths|volume-target|into}}"),
            vec!["/a", "/b c"],
        ),
        (two().arg("{{paths}}"), vec!["/a", "/b c"]),
        (two().arg("{{paths|first}}"), vec!["/a"]),
        (two().arg("{{paths|last|volume}}"), vec!["/b c:/b c"]),
        (two().arg("all={{paths}}"), vec!["all=/a,/b c"]),
        (made().arg("{{paths|or:[u,v]|into}}"), vec!["u", "v"]),
        (made().arg("{{p.data|or:none}}"), vec!["none"]),
        (
            made().arg("{{p.data|mount_as:/m:ro}}").set("p.data", "/h"),
            vec!["/h:/m:ro"],
        ),
        (made().arg("{{p.data|shout}}").set("p.data", "h"), vec!["h"]),
        (
            made().arg("{{p.data|volume}}").set("p.data", r"C:\a\b"),
            vec![r"C:\a\b:/C/a/b"],
        ),
        (
            made().named("--port", "{port}").set("port", "80"),
            vec!["--port", "80"],
        ),
        (
            made().named("--port", "{port}").set("port", "-5"),
            vec!["--port=-5"],
        ),
        (made().named("--port", "{port}"), vec![]),
        (
            made().named("--url", "http://h:{port}/").set("port", "8"),
            vec!["--url", "http://h:8/"],
        ),
        (made().arg("$UNSET"), vec![]),
        (made().env("A", "x").arg("--a=${A}$B"), vec!["--a=x"]),
    ] {
        let described = format!("{:?}", made.args);
        assert_eq!(made.ok().args, args, "{described}");
    }
}

#[test]
fn a_value_that_reads_as_an_option_is_refused() {
    let made = || Made::default().input("v", |_| {}).set("v", "--privileged");
    for made in [
        made().arg("{{v}}"),
        made().arg("{{v|into}}"),
        made().named("-x", "{v}"),
    ] {
        assert!(matches!(
            made.work_out(),
            Err(PlanError::ReadsAsOption { .. })
        ),);
    }
    // Behind a text of the entry, and in a variable, it is no option.
    let fine = made().arg("v={{v}}").env("V", "{{v}}").ok();
    assert_eq!(fine.args, ["v=--privileged"]);
    assert_eq!(env(&fine), [("V", "--privileged")]);
}
