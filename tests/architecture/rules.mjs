// What a source file may include and say, and what a target may link. Pure functions, so that they can be tested.

// Which folders a folder may include from, besides itself.
const mayUse = {
  'core/base': [],
  'core/nn': ['core/base'],
  'core/data': ['core/base'],
  'core/jobs': ['core/base', 'core/nn', 'core/data'],
  'core/search': ['core/base', 'core/nn', 'core/data', 'core/jobs'],
  api: ['core/base', 'core/nn', 'core/data', 'core/jobs', 'core/search'],
  server: ['api', 'core/base', 'core/nn', 'core/data', 'core/jobs', 'core/search'],
};

// The only files that may include the header of a library.
const owners = [
  [/^cblas\.h$/, /^core\/(nn\/gemm\w*|data\/(axes|projection))\.c$/],
  [/^libxsmm/, /^core\/nn\/gemm\w*\.c$/],
  [/^sqlite3\.h$/, /^core\/jobs\/store\w*\.[ch]$/],
  [/^zlib\.h$/, /^core\/data\/stream\.c$/],
  [/^nettle\//, /^core\/base\/sha256\.c$/],
  [/^Random123\//, /^core\/base\/random\.c$/],
  [/^jansson\.h$/, /^api\//],
  [/^microhttpd\.h$/, /^server\/listener\.c$/],
];

// The only targets that may link a library directly.
const linkers = {
  OPENBLAS: ['epochd_nn', 'epochd_nn64', '${target}', 'epochd_data'],
  LIBXSMM: ['epochd_nn'],
  SQLITE: ['epochd_jobs'],
  ZLIB: ['epochd_data'],
  NETTLE: ['epochd_base'],
  JANSSON: ['epochd_api'],
  MICROHTTPD: ['epochd_server'],
};

const mayLink = {
  epochd_base: [],
  epochd_nn: ['epochd_base'],
  epochd_nn64: ['epochd_base', 'epochd_nn'],
  '${target}': ['epochd_base'], // the loop over both of the engine's
  epochd_data: ['epochd_base'],
  epochd_jobs: ['epochd_base', 'epochd_nn', 'epochd_nn64', 'epochd_data'],
  epochd_search: ['epochd_base', 'epochd_nn', 'epochd_data', 'epochd_jobs'],
  epochd_api: ['epochd_base', 'epochd_nn', 'epochd_data', 'epochd_jobs', 'epochd_search'],
  epochd_server: ['epochd_base', 'epochd_nn', 'epochd_data', 'epochd_jobs', 'epochd_search', 'epochd_api'],
  epochd: ['epochd_server'],
};

// What says nothing of the architecture.
const freeToLink = ['PUBLIC', 'PRIVATE', 'INTERFACE', 'epochd_flags', 'Threads::Threads', 'm'];

export const linesMost = 600;

const folderOf = (path) => Object.keys(mayUse).find((folder) => path.startsWith(`${folder}/`));

// A file without its comments and texts, so that words in them do not count; line numbers stay.
export function stripped(source) {
  return source.replace(/\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'/g,
    (match) => (match[0] === '"' || match[0] === "'" ? '""' : match.replace(/[^\n]/g, ' ')));
}

function checkInclude(path, quoted, name) {
  const own = folderOf(path);
  const target = folderOf(name);
  if (name.includes('..')) return `includes ${name}, not from the root`;
  if (quoted && target === undefined) return `includes "${name}", which is in no folder of the program`;
  if (target !== undefined && target !== own && !mayUse[own].includes(target)) return `${own} includes ${name}`;
  const owner = owners.find(([header]) => header.test(name));
  return owner && !owner[1].test(path) ? `includes <${name}>, which is not its business` : undefined;
}

// All that is wrong with a file of the program.
export function checkFile(path, source) {
  if (folderOf(path) === undefined) return [`${path}: is in a folder that the rules do not know`];
  const found = [];
  for (const [, open, name] of source.matchAll(/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]/gm)) {
    const fault = checkInclude(path, open === '"', name);
    if (fault) found.push(fault);
  }
  const code = stripped(source);
  if (/\bgoto\b/.test(code)) found.push('uses goto');
  if (/\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atof|strtok|rand|srand|setlocale)\s*\(/.test(code)) found.push(`calls ${RegExp.$1}`);
  if (path.startsWith('core/') && /\b(v?printf|v?dprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort|v?syslog)\s*\(|\b(stdout|stderr|STDOUT_FILENO|STDERR_FILENO)\b/.test(code)) {
    found.push('logs or exits, which core does not');
  }
  const lines = source.split('\n').length - 1;
  if (lines > linesMost) found.push(`has ${lines} lines; at most ${linesMost}`);
  return found.map((fault) => `${path}: ${fault}`);
}

// All that is wrong with what a CMakeLists.txt links.
export function checkLinks(text) {
  const found = [];
  for (const [, target, list] of text.matchAll(/target_link_libraries\(\s*(\S+)\s+([^)]*)\)/g)) {
    for (const library of list.trim().split(/\s+/)) {
      const [, outside] = /^PkgConfig::(\w+)$/.exec(library) ?? [];
      const allowed = outside ? linkers[outside]?.includes(target)
        : freeToLink.includes(library) || mayLink[target]?.includes(library);
      if (!allowed) found.push(`${target} links ${outside ?? library}`);
    }
  }
  if (/(^|[^_])(link_libraries|link_directories|include_directories)\(/.test(text)) found.push('links or includes for all targets');
  return found;
}
