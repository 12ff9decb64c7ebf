// A path out of the artifact leads nowhere: there are no files to be had.
// expect: failed code.module_not_found
import passwd from "../../../../etc/passwd";
export default () => passwd;
