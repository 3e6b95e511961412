/** What the page of a workflow says from its start on, by workflow type. Markdown. */
export const startDetails = {
  clusterWatch:
    'Groups what fails alike, and counts corrections of watched tags. What is large is put to review; enough corrections trigger a retrain.',
  driftResponse:
    'Answers one incident: gathers corrections, triggers a retrain at the wanted number, and ends when a version that learned from it has stood its grace time. ' +
    'Signals: `correction`, `retrainNow`, `closeReview`.',
  driftWatch:
    'One look: the gold set is asked again, production traffic is tested. A detection opens an incident or joins the open one.',
  eraseUser: 'Erases what is kept of a user, and ends with a receipt.',
  logRetention: 'Makes the partitions of the coming hours and days, and drops those past their time.',
  promote:
    'Makes the version the champion that a person chose, by the steps of `rollout.canary` where it is configured. Signal: `rollback`.',
  requestRetrain: 'Hands one trigger to the retrain workflow of the model.',
  retrain: 'One per model: runs one retrain at a time. Triggers that arrive meanwhile are joined into the next run.',
  retrainRun:
    'Builds the dataset, trains, runs the gates, and promotes what has passed them. Updates: `approve`, `reject`; signal `rollback` while it is rolled out.',
  rollback: 'Lets the version serve again that served before the champion.',
  tagRules: 'Tags the rows that meet the rules of the configuration.',
} as const;
