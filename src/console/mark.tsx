/** The loop, closed: Relearn's mark. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" fill="none" strokeWidth="2.6">
      <path d="M12 3.5a8.5 8.5 0 1 1-7.4 4.3" stroke="currentColor" strokeLinecap="round" />
      <path d="M4.2 3.2v5h5" stroke="currentColor" strokeLinecap="round" strokeLinejoin="round" />
      <circle cx="12" cy="12" r="2.6" fill="currentColor" stroke="none" />
    </svg>
  );
}
