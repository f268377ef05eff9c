//! How the program is linked.

fn main() {
    println!("cargo::rerun-if-changed=packaging/build.rs");
    // A position-independent program starts by relocating its tables. Packed (DT_RELR, glibc 2.36), their list has some
    // kilobytes instead of more than a megabyte, which every process would read and keep resident.
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        // What unwinds comes with the program, as it does with -static-libgcc: finding, mapping and binding libgcc_s.so took every
        // start a tenth of a millisecond.
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
