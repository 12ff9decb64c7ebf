// A request larger than a message may be: an error in the code, not a broken protocol.
// expect: completed "refused"
// options: --cpu-ms 3000 --memory-mb 128
async () => {
  try {
    await fetch("https://example.com/", { method: "POST", body: "x".repeat(5 << 20) });
    return "allowed";
  } catch (error) {
    return error.code === "egress.denied" ? "sent" : "refused";
  }
}
