//! Mounts: volumes, and what of the host the user named.

use super::*;

#[test]
fn mounts_of_every_form() {
    let bind = |source: &str, target: &str, read_only| Bind {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only,
    };
    let made = || {
        Made::default()
            .input("paths", paths)
            .input("p.data", |_| {})
    };
    for (made, binds) in [
        (
            made()
                .mount("{{paths|volume|into}}")
                .set("paths", "/a")
                .set("paths", "/b"),
            vec![bind("/a", "/a", false), bind("/b", "/b", false)],
        ),
        (made().mount("{{paths|volume|into}}"), vec![]),
        (made().mount("{{paths|or:[]|volume|into}}"), vec![]),
        (
            made().mount("{{p.data}}:{{p.data}}").set("p.data", "/d"),
            vec![bind("/d", "/d", false)],
        ),
        (
            made()
                .mount("{{p.data|volume-target}}:/src:ro")
                .set("p.data", "/d"),
            vec![bind("/d", "/src", true)],
        ),
        (
            made()
                .mount("{{p.data|mount_as:/m:ro}}")
                .set("p.data", "/d"),
            vec![bind("/d", "/m", true)],
        ),
        (made().mount("{{p.data}}:/src"), vec![]),
    ] {
        let described = format!("{:?}", made.mounts);
        assert_eq!(made.ok().binds, binds, "{described}");
    }
    let volume = Made::default().mount("data:/data").ok().volumes;
    assert_eq!(
        (volume[0].name.as_str(), volume[0].target.as_str()),
        ("data", "/data")
    );
}

#[test]
fn nothing_of_the_host_is_mounted_that_the_user_did_not_name() {
    let with_default = || {
        Made::default().input("dir", |input| {
            input.default = Some(InputValue::One("/Users/local-test".to_owned()));
        })
    };
    assert!(matches!(
        with_default().mount("{{dir}}:/src").work_out(),
        Err(PlanError::Input(InputError::Missing { .. }))
    ));
    for mount in [
        "/var/run/docker.sock:/var/run/docker.sock",
        "/home/{{dir}}:/x",
        "{{none|or:/etc}}:/etc",
    ] {
        let made = with_default()
            .input("none", |_| {})
            .set("dir", "me")
            .mount(mount);
        assert!(
            matches!(
                made.work_out(),
                Err(PlanError::Needs { .. } | PlanError::NoPath { .. })
            ),
            "{mount}"
        );
    }
    for (value, mount) in [
        ("--privileged", "{{dir}}:/x"),
        ("relative", "{{dir}}:/x"),
        ("/a:/etc", "{{dir}}:/x"),
        ("/a", "{{dir}}:{{rel}}"),
        ("/a", "{{dir}}/../b:/x"),
        ("/a", "{{dir}}/c/.ssh:/x"),
        ("/", "{{dir}}.ssh:/x"),
        ("/", "{{dir}}etc:/x"),
        ("/a", "{{dir}}.old:/x"),
        ("/a", "{{dir}}b:/x"),
    ] {
        let made = with_default()
            .input("rel", |_| {})
            .set("rel", "b")
            .set("dir", value)
            .mount(mount);
        assert!(made.work_out().is_err(), "{value} {mount}");
    }
    for (value, mount, source) in [
        ("/a/../.b", "{{dir}}:/x", "/a/../.b"),
        ("/a", "{{dir}}/data:/x", "/a/data"),
        ("/a/", "{{dir}}data:/x", "/a/data"),
    ] {
        let made = with_default().set("dir", value).mount(mount);
        assert_eq!(made.ok().binds[0].source, source);
    }
}
