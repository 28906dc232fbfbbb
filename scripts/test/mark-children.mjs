// Loaded into the process of every test file: what it starts carries the file's name in its environment, so
// that a process which outlives the file is found and named (leftovers.ts).
process.env.MILLRACE_TEST_FILE = process.argv[1] ?? ''
