// The loop stands in the module body, before there is an entry function.
// expect: terminated cpu_time
// options: --cpu-ms 200
while (true) {}
export default () => 1;
