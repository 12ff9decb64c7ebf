// A revoked Proxy as the result.
// expect: failed code.exception | failed result.unserializable
() => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return [proxy];
}
