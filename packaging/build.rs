//! How the program is linked.

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=packaging/build.rs");
    // A position-independent program starts by relocating its tables. Packed (DT_RELR, glibc 2.36), their list has some
    // kilobytes instead of more than a megabyte, which every process would read and keep resident.
    if is_set_to("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        // What unwinds comes with the program, as it does with -static-libgcc: finding, mapping and binding libgcc_s.so took every
        // start a tenth of a millisecond.
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
        // The functions of everyday work lie side by side; see packaging/order/make.
        println!("cargo::rerun-if-changed=packaging/order/order.ld");
        if is_set_to("PROFILE", "release") && !has_own_linker() {
            let order = std::path::absolute("packaging/order/order.ld")?;
            println!("cargo::rustc-link-arg-bins=-T{}", order.display());
        }
    }
    Ok(())
}

fn is_set_to(name: &str, value: &str) -> bool {
    std::env::var(name).is_ok_and(|is| is == value)
}

/// Whether one of the linkers is asked for that know no scripts, or none that add to their own.
fn has_own_linker() -> bool {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    ["mold", "wild", "gold"]
        .iter()
        .any(|linker| flags.contains(linker))
}
