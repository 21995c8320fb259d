/**
 * Which way imports point: domain <- application <- infrastructure; properties may see all, nobody sees properties.
 * Tests beside the code (*.test.ts) may use the test tools and properties/.
 */
const TEST = '\\.test\\.ts$';
const RXJS = '^node_modules/rxjs/';
const CONTAINER_PACKAGES = '^node_modules/(inversify|@inversifyjs|reflect-metadata)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'domain-stands-alone',
      comment: 'domain/ is pure: no Node modules, no packages, no other room.',
      severity: 'error',
      from: { path: '^domain/', pathNot: TEST },
      to: { pathNot: '^domain/' },
    },
    {
      name: 'domain-tests-see-no-other-room',
      severity: 'error',
      from: { path: `^domain/.*${TEST}` },
      to: { path: '^(application|infrastructure)/' },
    },
    {
      name: 'application-sees-the-domain-only',
      comment: 'application/ touches the world through its ports.',
      severity: 'error',
      from: { path: '^application/', pathNot: TEST },
      to: { pathNot: ['^(domain|application)/', RXJS] },
    },
    {
      name: 'rxjs-shows-progress-only',
      comment: 'rxjs shows a merge to watchers; it does not run it.',
      severity: 'error',
      from: {
        path: '^application/',
        pathNot: [TEST, '^application/progress/', '^application/use-cases/watch-merge\\.ts$'],
      },
      to: { path: RXJS },
    },
    {
      name: 'container-in-one-room',
      comment: 'Nobody but infrastructure/container knows that there is a container.',
      severity: 'error',
      from: { pathNot: ['^infrastructure/container/', '^node_modules/'] },
      to: { path: CONTAINER_PACKAGES },
    },
    {
      name: 'the-judge-is-not-the-accused',
      comment:
        'Models and arbitraries judge the product, so they share no code with it; what drives it is in properties/product.',
      severity: 'error',
      from: { path: '^properties/(models|arbitraries)/' },
      to: { path: '^(domain|application|infrastructure)/|^index\\.ts$' },
    },
    {
      name: 'nobody-sees-properties',
      severity: 'error',
      from: { pathNot: ['^properties/', TEST, '^(bench|demo)/'] },
      to: { path: '^properties/' },
    },
    {
      name: 'rooms-do-not-use-the-front-door',
      comment: 'index.ts is for those outside.',
      severity: 'error',
      from: { path: '^(domain|application|infrastructure)/', pathNot: TEST },
      to: { path: ['^index\\.ts$', '^(bench|demo|tools)/', '^vitest\\.', '^dist/'] },
    },
    {
      name: 'product-imports-no-test',
      severity: 'error',
      from: { pathNot: [TEST, '^properties/'] },
      to: { path: TEST },
    },
    {
      name: 'product-needs-no-development-package',
      severity: 'error',
      from: { path: ['^(domain|application|infrastructure)/', '^index\\.ts$'], pathNot: TEST },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'npm-optional', 'type-only'] },
    },
    {
      name: 'packages-are-declared',
      comment: 'Not in package.json: here only because another package happens to need it.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'imports-resolve',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-cycles',
      comment: 'Types may refer to each other; running code may not.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: '^(node_modules|dist)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types point a way, too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
