export function greeting(name: string): string {
  return `Good morning, ${name}\n`;
}
