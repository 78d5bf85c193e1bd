/**
 * Fresh module state for every request: this counter is always 1, however often you ask. What one request leaves in
 * memory, the next one cannot see.
 */
let count = 0;

export default {
  fetch(): Response {
    count += 1;
    return Response.json({ count });
  },
};
