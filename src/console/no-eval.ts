import { z } from 'zod';

// Zod would try `new Function`, which the content security policy refuses and the browser reports.
z.config({ jitless: true });
