import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { WorkflowHandle } from '@temporalio/client';
import { startPostgres } from '../infra/embedded/postgres.ts';
