/** The same with the long budget, which asks every case of every kind of destination. */
import './rights-refused.properties.js';
