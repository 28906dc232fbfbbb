import fs from 'node:fs'

/**
 * A text that names one run of a process: its start time where the system tells it, else `running`.
 * Empty when no such process runs. It tells a process from a later one with the same pid.
 */
export function processStart(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field, the program's name in parentheses, may hold spaces; start time is field 22.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    if (fs.existsSync('/proc/self/stat')) return ''
  }
  try {
    process.kill(pid, 0)
    return 'running'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'running' : ''
  }
}
