//! Variables with our prefix that are nobody's settings.

/// Whether Kubernetes, or Docker with its links, gives this variable to every container beside a service called `banter`,
/// or `banter-…`: such variables tell where it is and are nobody's settings. By name *and* value: who writes
/// `BANTER_PORT=8080` wants something else, and is told. `name` is without the prefix.
pub(super) fn is_injected(name: &str, value: &str) -> bool {
    let ends = |end: &str| name == end || name.ends_with(&format!("_{end}"));
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_port = value.parse::<u16>().is_ok();
    // `7350_TCP`, `7350_TCP_ADDR`
    let of_port = name.rsplit_once("PORT_").and_then(|(_, port)| {
        let mut parts = port.split('_');
        let number = parts.next()?.parse::<u16>();
        let protocol = ["TCP", "UDP", "SCTP"].contains(&parts.next()?);
        let detail = match parts.next() {
            None => is_address,
            Some("PORT") => is_port,
            Some("ADDR" | "PROTO") => true,
            Some(_) => false,
        };
        Some(number.is_ok() && protocol && detail && parts.next().is_none())
    });
    let of_service = name.starts_with("SERVICE_PORT_") || name.contains("_SERVICE_PORT_");
    ends("SERVICE_HOST")
        || ((ends("SERVICE_PORT") || of_service) && is_port)
        || (ends("PORT") && is_address)
        || (name == "NAME" && value.starts_with('/'))
        || name.starts_with("ENV_")
        || of_port == Some(true)
}
