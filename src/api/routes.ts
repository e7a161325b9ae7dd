/**
 * Every route of the Engine API, one table per resource. `{id}` stands for one segment of the path; `{name...}` for one
 * that may hold raw slashes, as image names do. `since` is the API version that introduced the route, for clients that
 * want to say so before they ask; servers answer older versions too, as dockerd does.
 */
export interface Route {
  readonly name: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly since?: string;
}

export const systemRoutes = [
  { name: 'ping', method: 'GET', path: '/_ping' },
  { name: 'pingHead', method: 'HEAD', path: '/_ping' },
  { name: 'version', method: 'GET', path: '/version' },
  { name: 'info', method: 'GET', path: '/info' },
  { name: 'events', method: 'GET', path: '/events' },
] as const satisfies readonly Route[];

export const containerRoutes = [
  { name: 'containerCreate', method: 'POST', path: '/containers/create' },
  { name: 'containerList', method: 'GET', path: '/containers/json' },
  { name: 'containerPrune', method: 'POST', path: '/containers/prune', since: '1.25' },
  { name: 'containerInspect', method: 'GET', path: '/containers/{id}/json' },
  { name: 'containerStart', method: 'POST', path: '/containers/{id}/start' },
  { name: 'containerStop', method: 'POST', path: '/containers/{id}/stop' },
  { name: 'containerRestart', method: 'POST', path: '/containers/{id}/restart' },
  { name: 'containerKill', method: 'POST', path: '/containers/{id}/kill' },
  { name: 'containerWait', method: 'POST', path: '/containers/{id}/wait' },
  { name: 'containerLogs', method: 'GET', path: '/containers/{id}/logs' },
  { name: 'containerAttach', method: 'POST', path: '/containers/{id}/attach' },
  { name: 'containerAttachWebsocket', method: 'GET', path: '/containers/{id}/attach/ws' },
  { name: 'containerRename', method: 'POST', path: '/containers/{id}/rename' },
  { name: 'containerPause', method: 'POST', path: '/containers/{id}/pause' },
  { name: 'containerUnpause', method: 'POST', path: '/containers/{id}/unpause' },
  { name: 'containerTop', method: 'GET', path: '/containers/{id}/top' },
  { name: 'containerChanges', method: 'GET', path: '/containers/{id}/changes' },
  { name: 'containerExport', method: 'GET', path: '/containers/{id}/export' },
  { name: 'containerCommit', method: 'POST', path: '/commit' },
  { name: 'containerStats', method: 'GET', path: '/containers/{id}/stats' },
  { name: 'containerUpdate', method: 'POST', path: '/containers/{id}/update' },
  { name: 'containerResize', method: 'POST', path: '/containers/{id}/resize' },
  { name: 'checkpointCreate', method: 'POST', path: '/containers/{id}/checkpoints', since: '1.25' },
  { name: 'checkpointList', method: 'GET', path: '/containers/{id}/checkpoints', since: '1.25' },
  { name: 'containerDelete', method: 'DELETE', path: '/containers/{id}' },
  { name: 'checkpointDelete', method: 'DELETE', path: '/containers/{id}/checkpoints/{checkpoint}', since: '1.25' },
] as const satisfies readonly Route[];

export const archiveRoutes = [
  { name: 'archiveStat', method: 'HEAD', path: '/containers/{id}/archive' },
  { name: 'archiveGet', method: 'GET', path: '/containers/{id}/archive' },
  { name: 'archivePut', method: 'PUT', path: '/containers/{id}/archive' },
] as const satisfies readonly Route[];

export const execRoutes = [
  { name: 'execCreate', method: 'POST', path: '/containers/{id}/exec' },
  { name: 'execStart', method: 'POST', path: '/exec/{id}/start' },
  { name: 'execResize', method: 'POST', path: '/exec/{id}/resize' },
  { name: 'execInspect', method: 'GET', path: '/exec/{id}/json' },
] as const satisfies readonly Route[];

export const imageRoutes = [
  { name: 'imageCreate', method: 'POST', path: '/images/create' },
  { name: 'imageList', method: 'GET', path: '/images/json' },
  { name: 'imagePrune', method: 'POST', path: '/images/prune', since: '1.25' },
  { name: 'imageInspect', method: 'GET', path: '/images/{name...}/json' },
  { name: 'imageHistory', method: 'GET', path: '/images/{name...}/history' },
  { name: 'imageTag', method: 'POST', path: '/images/{name...}/tag' },
  { name: 'imageDelete', method: 'DELETE', path: '/images/{name...}' },
] as const satisfies readonly Route[];

/** What the API has and this engine does not serve: answered with 501 and a message that says so. */
export const declinedRoutes = [
  { name: 'auth', method: 'POST', path: '/auth' },
  { name: 'diskUsage', method: 'GET', path: '/system/df', since: '1.25' },
  { name: 'session', method: 'POST', path: '/session', since: '1.39' },
  { name: 'imageSearch', method: 'GET', path: '/images/search' },
  { name: 'imageSaveAll', method: 'GET', path: '/images/get' },
  { name: 'imageSave', method: 'GET', path: '/images/{name...}/get' },
  { name: 'imageLoad', method: 'POST', path: '/images/load' },
  { name: 'imagePush', method: 'POST', path: '/images/{name...}/push' },
  { name: 'distributionInspect', method: 'GET', path: '/distribution/{name...}/json', since: '1.30' },
  { name: 'build', method: 'POST', path: '/build' },
  { name: 'buildPrune', method: 'POST', path: '/build/prune', since: '1.31' },
  { name: 'buildCancel', method: 'POST', path: '/build/cancel', since: '1.39' },
  { name: 'volumeList', method: 'GET', path: '/volumes' },
  { name: 'volumeCreate', method: 'POST', path: '/volumes/create' },
  { name: 'volumePrune', method: 'POST', path: '/volumes/prune', since: '1.25' },
  { name: 'volumeInspect', method: 'GET', path: '/volumes/{name}' },
  { name: 'volumeUpdate', method: 'PUT', path: '/volumes/{name}', since: '1.42' },
  { name: 'volumeDelete', method: 'DELETE', path: '/volumes/{name}' },
  { name: 'networkList', method: 'GET', path: '/networks' },
  { name: 'networkCreate', method: 'POST', path: '/networks/create' },
  { name: 'networkPrune', method: 'POST', path: '/networks/prune', since: '1.25' },
  { name: 'networkInspect', method: 'GET', path: '/networks/{id}' },
  { name: 'networkDelete', method: 'DELETE', path: '/networks/{id}' },
  { name: 'networkConnect', method: 'POST', path: '/networks/{id}/connect' },
  { name: 'networkDisconnect', method: 'POST', path: '/networks/{id}/disconnect' },
  { name: 'pluginList', method: 'GET', path: '/plugins', since: '1.25' },
  { name: 'pluginPrivileges', method: 'GET', path: '/plugins/privileges', since: '1.25' },
  { name: 'pluginPull', method: 'POST', path: '/plugins/pull', since: '1.25' },
  { name: 'pluginCreate', method: 'POST', path: '/plugins/create', since: '1.25' },
  { name: 'pluginInspect', method: 'GET', path: '/plugins/{name...}/json', since: '1.25' },
  { name: 'pluginDelete', method: 'DELETE', path: '/plugins/{name...}', since: '1.25' },
  { name: 'pluginEnable', method: 'POST', path: '/plugins/{name...}/enable', since: '1.25' },
  { name: 'pluginDisable', method: 'POST', path: '/plugins/{name...}/disable', since: '1.25' },
  { name: 'pluginUpgrade', method: 'POST', path: '/plugins/{name...}/upgrade', since: '1.26' },
  { name: 'pluginPush', method: 'POST', path: '/plugins/{name...}/push', since: '1.25' },
  { name: 'pluginSet', method: 'POST', path: '/plugins/{name...}/set', since: '1.25' },
  { name: 'swarmInspect', method: 'GET', path: '/swarm' },
  { name: 'swarmInit', method: 'POST', path: '/swarm/init' },
  { name: 'swarmJoin', method: 'POST', path: '/swarm/join' },
  { name: 'swarmLeave', method: 'POST', path: '/swarm/leave' },
  { name: 'swarmUpdate', method: 'POST', path: '/swarm/update' },
  { name: 'swarmUnlockKey', method: 'GET', path: '/swarm/unlockkey', since: '1.25' },
  { name: 'swarmUnlock', method: 'POST', path: '/swarm/unlock', since: '1.25' },
  { name: 'nodeList', method: 'GET', path: '/nodes' },
  { name: 'nodeInspect', method: 'GET', path: '/nodes/{id}' },
  { name: 'nodeDelete', method: 'DELETE', path: '/nodes/{id}' },
  { name: 'nodeUpdate', method: 'POST', path: '/nodes/{id}/update' },
  { name: 'serviceList', method: 'GET', path: '/services' },
  { name: 'serviceCreate', method: 'POST', path: '/services/create' },
  { name: 'serviceInspect', method: 'GET', path: '/services/{id}' },
  { name: 'serviceDelete', method: 'DELETE', path: '/services/{id}' },
  { name: 'serviceUpdate', method: 'POST', path: '/services/{id}/update' },
  { name: 'serviceLogs', method: 'GET', path: '/services/{id}/logs', since: '1.29' },
  { name: 'taskList', method: 'GET', path: '/tasks' },
  { name: 'taskInspect', method: 'GET', path: '/tasks/{id}' },
  { name: 'taskLogs', method: 'GET', path: '/tasks/{id}/logs', since: '1.29' },
  { name: 'secretList', method: 'GET', path: '/secrets', since: '1.25' },
  { name: 'secretCreate', method: 'POST', path: '/secrets/create', since: '1.25' },
  { name: 'secretInspect', method: 'GET', path: '/secrets/{id}', since: '1.25' },
  { name: 'secretDelete', method: 'DELETE', path: '/secrets/{id}', since: '1.25' },
  { name: 'secretUpdate', method: 'POST', path: '/secrets/{id}/update', since: '1.25' },
  { name: 'configList', method: 'GET', path: '/configs', since: '1.30' },
  { name: 'configCreate', method: 'POST', path: '/configs/create', since: '1.30' },
  { name: 'configInspect', method: 'GET', path: '/configs/{id}', since: '1.30' },
  { name: 'configDelete', method: 'DELETE', path: '/configs/{id}', since: '1.30' },
  { name: 'configUpdate', method: 'POST', path: '/configs/{id}/update', since: '1.30' },
] as const satisfies readonly Route[];

/** Every route that has a handler. */
export const servedRoutes = [
  ...systemRoutes,
  ...containerRoutes,
  ...archiveRoutes,
  ...execRoutes,
  ...imageRoutes,
] as const;

export type ServedRouteName = (typeof servedRoutes)[number]['name'];
