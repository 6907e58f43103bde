/** CPU time of this process in milliseconds. Unlike the clock, it does not depend on other load. */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
